"""A visitor without a browser who trains networks: one WebSocket session, spoken as Streamlit's client does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect


class Trainee:
    """Opens one page and acts on it; `texts` is what the last run of the script wrote, `errors` what went wrong."""

    def __init__(self, url: str, page: str, query: str = "") -> None:
        self._url, self._page, self._query = url, page, query
        self._socket: WebSocketClientConnection | None = None
        self._page_hash = ""
        self._buttons: dict[str, tuple[str, str]] = {}  # label -> id, and the fragment it belongs to
        self._fragments: list[str] = []  # those that ask to be run again and again
        self.texts: list[str] = []
        self.errors: list[str] = []

    async def arrive(self) -> float:
        """Connect and run the page for the first time; seconds."""
        address = self._url.replace("http", "ws", 1) + "/_stcore/stream"
        request = HTTPRequest(address, headers={"Origin": self._url})
        self._socket = await websocket_connect(request, subprotocols=["streamlit"], max_message_size=2**28)
        return await self.rerun()

    async def rerun(self, press: str | None = None) -> float:
        """Run the page, or the part of it that holds the button to be pressed; seconds until it is done."""
        message = BackMsg()
        if press is not None:
            button, message.rerun_script.fragment_id = self._buttons[press]
            message.rerun_script.widget_states.widgets.add(id=button, trigger_value=True)
        return await self._run(message)

    async def rerun_fragment(self) -> float | None:
        """Run what refreshes itself on the page, as its timer would; seconds, None where nothing does."""
        if not self._fragments:
            return None
        message = BackMsg()
        message.rerun_script.fragment_id = self._fragments[-1]
        message.rerun_script.is_auto_rerun = True
        return await self._run(message)

    async def train(self, patience: float = 300.0) -> float:
        """Press *Train*, and look twice a second until there is nothing left to wait for; seconds."""
        start = time.perf_counter()
        await self.rerun(press="Train")
        while await self.rerun_fragment() is not None:
            assert time.perf_counter() - start < patience, self.texts
            await asyncio.sleep(0.5)
        return time.perf_counter() - start

    async def wait_for(self, words: str, patience: float = 120.0) -> None:
        """Look once a second until the page says so."""
        start = time.perf_counter()
        while not any(words in text for text in self.texts):
            assert time.perf_counter() - start < patience, f"the page never said {words!r}"
            await asyncio.sleep(1)
            await self.rerun()

    def leave(self) -> None:
        """Close the session."""
        if self._socket is not None:
            self._socket.close()

    async def _run(self, message: BackMsg) -> float:
        assert self._socket is not None
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page_hash
        if not self._page_hash:
            state.page_name = self._page
        fragments: list[str] = []
        start = time.perf_counter()
        await self._socket.write_message(message.SerializeToString(), binary=True)
        while True:
            content = await self._socket.read_message()
            assert isinstance(content, bytes), "the server closed the session"
            news = ForwardMsg.FromString(content)
            kind = news.WhichOneof("type")
            if kind == "new_session":
                self.texts, fragments = [], []
            elif kind == "navigation":
                self._page_hash = news.navigation.page_script_hash
            elif kind == "auto_rerun":
                fragments.append(news.auto_rerun.fragment_id)
            elif kind == "page_info_changed":
                self._query = news.page_info_changed.query_string
            elif kind == "delta":
                self._read(news.delta)
            elif kind == "script_finished" and news.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                if news.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:  # all of the page, not a part
                    self._fragments = fragments
                return time.perf_counter() - start

    def _read(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "button":
            self._buttons[element.button.label] = (element.button.id, delta.fragment_id)
        if kind == "exception":
            self.errors.append(element.exception.message)
        self.texts.extend(_strings(getattr(element, kind)) if kind else ())


def _strings(message: Any) -> Iterator[str]:
    """All texts of an element, whatever it is; charts hand out their JSON."""
    for _, value in message.ListFields():
        if isinstance(value, str):
            yield value
        elif hasattr(value, "ListFields"):
            yield from _strings(value)
