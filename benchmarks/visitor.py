"""A visitor without a browser: a real web socket session that speaks Streamlit's own protocol."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin


@dataclass
class Visitor:
    """One browser tab at one address. Like a browser's, its fragments ask again as often as the page says.

    Parameters
    ----------
    url : str
        Of the server, ``http://host:port``.
    page : str
        The page's path, such as ``"network"``.
    query : str
        The address's fields, without the question mark.
    headers : dict of str to str
        What the browser sends beside, or instead of, its cookie.
    """

    url: str
    page: str = ""
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    rerun_seconds: list[float] = field(default_factory=list)  # of the whole page
    refresh_seconds: list[float] = field(default_factory=list)  # of the part that asks for itself again
    texts: list[str] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)
    _buttons: dict[str, tuple[str, str]] = field(default_factory=dict)  # label -> id, and the fragment it is in
    _intervals: dict[str, float] = field(default_factory=dict)
    _socket: ClientConnection | None = None
    _page_hash: str = ""
    _sent: float = 0.0
    _finished: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Visitor:
        """Connect, and wait for the first run of the page."""
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        self._socket = await connect(
            address,
            origin=Origin(self.url),
            additional_headers={"Cookie": f"fmnist_visitor={secrets.token_hex(16)}", **self.headers},
            max_size=None,
            open_timeout=60,
        )
        self._tasks.append(asyncio.create_task(self._listen(self._socket)))
        await self.rerun()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the tab."""
        for task in self._tasks:
            task.cancel()
        assert self._socket is not None
        await self._socket.close()

    async def rerun(self, press: str | None = None, fragment: str = "") -> None:
        """Run the page again, as a touched control does; wait until it has run."""
        self._finished.clear()
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self.query
        state.page_script_hash = self._page_hash
        if not self._page_hash:
            state.page_name = self.page
        if press is not None:
            button, fragment = self._buttons[press]
            state.widget_states.widgets.add(id=button, trigger_value=True)
        state.fragment_id = fragment
        self._sent = time.perf_counter()
        assert self._socket is not None
        await self._socket.send(message.SerializeToString())
        if not fragment:
            finished = asyncio.create_task(self._finished.wait())
            await asyncio.wait([finished, self._tasks[0]], timeout=120, return_when=asyncio.FIRST_COMPLETED)
            if self._tasks[0].done():
                self._tasks[0].result()
            if not finished.done():
                raise TimeoutError(f"{self.page}?{self.query} has not run within 120 s")

    async def wait_for(self, *words: str, seconds: float) -> str | None:
        """Wait until something of this is on the page; None when nothing came in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    found = [word for word in words if any(word in text for text in self.texts)]
                    if found:
                        return found[0]
                    self._changed.clear()
                    await self._changed.wait()
        return None

    async def _listen(self, socket: ClientConnection) -> None:
        async for raw in socket:
            message = ForwardMsg()
            message.ParseFromString(raw)
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "stop_auto_rerun":
                self._intervals.clear()
            elif kind == "delta" and message.delta.HasField("new_element"):
                self._see(message.delta.new_element, message.delta.fragment_id)
            elif kind == "auto_rerun":
                await self._follow(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            elif kind == "script_finished":
                whole = message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
                if whole and not self._finished.is_set():
                    self.rerun_seconds.append(time.perf_counter() - self._sent)
                    self._finished.set()
                elif message.script_finished == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
                    self.refresh_seconds.append(time.perf_counter() - self._sent)
            self._changed.set()

    def _see(self, element: Element, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind == "button":
            self._buttons[element.button.label] = (element.button.id, fragment)
        elif kind == "exception":
            self.exceptions.append(element.exception.message)
        elif kind == "metric":
            self.texts.append(element.metric.label)
        elif kind == "alert":
            self.texts.append(element.alert.body)
        elif kind == "progress":
            self.texts.append(element.progress.text)
        elif kind == "markdown":
            self.texts.append(element.markdown.body)

    async def _follow(self, fragment: str, interval: float) -> None:
        known = fragment in self._intervals
        self._intervals[fragment] = interval
        if not known:
            self._tasks.append(asyncio.create_task(self._ask_again(fragment)))

    async def _ask_again(self, fragment: str) -> None:
        while fragment in self._intervals:
            await asyncio.sleep(self._intervals[fragment])
            if fragment in self._intervals:
                await self.rerun(fragment=fragment)
