"""The Big List of Naughty Strings in every text that a visitor can send: ``python -m benchmarks.naughty [strings]``.

The texts: each field of an address and each field's name, on every page; the path; the headers that are read; the
field for an index; the name of a file. A hosted server is sent each string in each of them, and a real Chromium shows
what the pages say of it. No script may run, no element appear, no request go elsewhere, nothing be raised or started.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from PIL import Image
from playwright.sync_api import ConsoleMessage, Dialog, FilePayload, Page, TimeoutError, sync_playwright
from websockets.exceptions import InvalidHandshake

from benchmarks import hostile
from benchmarks.visitor import Visitor
from fmnist_core import BaselineSettings, NetworkSettings, RunStore, load_dataset
from pages.parts import compare, evaluation_state, explorer_state
from tests.browser.chromium import find_chromium
from tests.browser.conftest import CHROMIUM_ARGUMENTS, HOSTED, running_server
from tests.examples import baseline_run

SETTINGS = {"baseline": BaselineSettings.names(), "network": (*NetworkSettings.names(), compare.FIELD)}
VIEWS = {"explorer": (*explorer_state.FIELDS, "sample", "sample_split"), "evaluation": tuple(evaluation_state.FIELDS)}
HEADERS = ("Host", "Origin", "Cookie", "User-Agent", "Referer", "Accept-Language", "X-Forwarded-Host")
SECONDS = 60


def _quoted(text: str) -> str:
    return quote(text, safe="")


def addresses(strings: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pages and queries: each string in each field. Of settings only the first wrong one is quoted: one at a time."""
    for text in map(_quoted, strings):
        for page, names in VIEWS.items():
            yield page, "&".join(f"{name}={text}" for name in (*names, text))
        for page, names in SETTINGS.items():
            yield from ((page, f"{name}={text}") for name in (*names, text))


async def open_all(url: str, strings: Sequence[str]) -> list[str]:
    """Open every address; return what did harm."""
    found = await hostile.open_all(url, addresses(strings))
    return [f"/{page}?{query[:200]}: {message}" for page, query, message in found]


async def knock(url: str, strings: Sequence[str]) -> list[str]:
    """Send each string as path, as query and in each header; return answers that fail, repeat it or lead elsewhere."""
    port = int(url.rpartition(":")[2])
    found: list[str] = []

    async def answer(path: str, headers: dict[str, str]) -> tuple[str, str, str]:
        reader, writer = await asyncio.open_connection("localhost", port)
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        whole = (await asyncio.wait_for(reader.read(), SECONDS)).decode(errors="replace")
        writer.close()
        status, _, rest = whole.partition("\r\n")
        head, _, body = rest.partition("\r\n\r\n")
        return status, head, body

    async def ask(what: str, text: str, path: str, headers: dict[str, str]) -> None:
        status, head, body = await answer(path, headers)
        location = next((line[9:].strip() for line in head.splitlines() if line.lower().startswith("location:")), "")
        if not status.startswith(("HTTP/1.1 2", "HTTP/1.1 3", "HTTP/1.1 4")):
            found.append(f"{what} {text[:100]!r}: {status or 'no answer'}")
        if urlsplit(location).netloc not in ("", f"localhost:{port}"):
            found.append(f"{what} {text[:100]!r}: leads to {location}")
        if "<" in text and body.count(text) > usual.count(text):
            found.append(f"{what} {text[:100]!r}: is in the page that the server sends")

    async def visit(header: str, text: str) -> None:
        value = (text if header == "User-Agent" else f"fmnist_visitor={text}").encode().decode("latin-1")
        try:
            async with Visitor(url, "network", "", {header: value}) as visitor:
                found.extend(f"{header} {text[:100]!r}: {message}" for message in visitor.exceptions)
        except InvalidHandshake:
            return  # no header for a client, or refused at the door

    common = {"Host": f"localhost:{port}", "Connection": "close"}
    _, _, usual = await answer("/network", common)
    for string in strings:
        text = string.replace("\r", " ").replace("\n", " ")  # a header is one line
        await ask("path", text, "/" + quote(text), common)
        await ask("query", text, f"/evaluation?run={_quoted(text)}&{_quoted(text)}=1", common)
        for header in HEADERS:
            await ask(header, text, "/network", {**common, header: text})
        for header in ("Cookie", "User-Agent"):
            await visit(header, text)
    return found


class Witness:
    """A page in a browser, and what no visitor's text may bring about in it."""

    # What could run or show something foreign, wherever it is; and anything but a sentence where the page quotes.
    ODD = """() => [
        ...document.querySelectorAll("script, iframe, frame, object, embed, applet, base, form, math, plaintext"),
        ...document.querySelectorAll("[data-testid=stAlertContentWarning] [data-testid=stMarkdownContainer] :not(p)"),
        ...document.querySelectorAll("[data-testid=stFileUploader] :is(a, img)"),
    ].map(each => each.outerHTML.slice(0, 300)).concat("hacked" in window ? ["a script ran"] : [])"""
    SAYS = """([where, what]) => {
        const all = [...document.querySelectorAll(where)], words = new RegExp(what)
        return all.some(each => words.test(each.textContent) && !each.querySelector("[data-testid=stSkeleton]"))
    }"""
    GO = "address => { history.pushState({}, '', address); dispatchEvent(new PopStateEvent('popstate')) }"
    WARNING, UPLOADER = "[data-testid=stAlertContentWarning]", "[data-testid=stFileUploader]"

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.found: list[str] = []
        self.seen = 0
        self._text = ""
        self._usual: list[str] = []
        page.on("dialog", self._see_dialog)
        page.on("popup", lambda popup: self._note(f"opened {popup.url}"))
        page.on("pageerror", lambda error: self._note(f"an error: {error}"))
        page.on("console", self._see_message)
        page.on("request", lambda request: self._see_request(request.url))

    def look_at_addresses(self, strings: Sequence[str]) -> None:
        """Each string in the fields of each page: in all at once, or in one after another where only one is quoted."""
        for path, names in VIEWS.items():
            self._open(path)
            for text, mark in self._marked(strings):
                fields = (*names, mark, text)
                self.page.evaluate(
                    self.GO, f"/{path}?" + "&".join(f"{_quoted(each)}={_quoted(text)}" for each in fields)
                )
                self._look(self.WARNING, mark)
        for path, names in SETTINGS.items():
            quoting = [name for name in names if name != compare.FIELD]
            self._open(path)
            for place, (text, mark) in enumerate(self._marked(strings)):
                name, value = [*((name, f"{mark} {text}") for name in quoting), (f"{mark} {text}", "1")][
                    place % (len(quoting) + 1)
                ]
                self.page.evaluate(self.GO, f"/{path}?{_quoted(name)}={_quoted(value)}")
                self._look(self.WARNING, mark)

    def look_at_index(self, strings: Sequence[str]) -> None:
        """Each string typed where positions are asked for."""
        self._open("explorer")
        field = self.page.get_by_role("textbox", name="Index", exact=True)
        for text, mark in self._marked(strings):
            field.fill(f"{mark} {text}"[: explorer_state.LONGEST_INDEX])
            field.press("Enter")
            self.page.wait_for_url(re.compile(mark))
            self._look("body", "Index takes")

    def look_at_files(self, strings: Sequence[str], run_id: str) -> None:
        """Each string as the name of a picture, with an ending that is taken and without."""
        self._open(f"evaluation?run={run_id}&view=own")
        picture = io.BytesIO()
        Image.new("L", (28, 28), 200).save(picture, "PNG")
        for text, mark in self._marked(strings):
            for name in (f"{mark}a {text}", f"{mark}b {text}.png"):
                file: FilePayload = {"name": name, "mimeType": "image/png", "buffer": picture.getvalue()}
                self.page.locator("input[type=file]").set_input_files(file)
                # A long name is shown without its middle; the button that takes the file away has all of it.
                self._look(f'{self.UPLOADER}:has([aria-label^="Remove {name.split()[0]}"])', ".")
                remove = self.page.locator(self.UPLOADER).get_by_role("button", name=re.compile("^Remove"))
                with contextlib.suppress(TimeoutError):  # a page drawn anew may have taken it away already
                    remove.click(timeout=5_000)
                remove.wait_for(state="detached")

    def look_at_paths(self, strings: Sequence[str]) -> None:
        """Each string as the path: the first page is shown instead, or the server's word for what no path can be."""
        self._open("")
        for text, _ in self._marked(strings):
            self.page.goto(f"{self.url}/{_quoted(text)}")
            self._look("body", "Look first: 70,000 pictures|^Not Found|^Bad Request")

    def _marked(self, strings: Sequence[str]) -> Iterator[tuple[str, str]]:
        for place, text in enumerate(strings):
            self._text = text
            yield text, f"q{place}q"  # by its mark what is on the page is known to be of this string

    def _open(self, address: str) -> None:
        self.page.goto(f"{self.url}/{address}")
        self.page.get_by_text("Zalando SE").wait_for()  # the last line
        self._usual = self.page.evaluate(self.ODD)

    def _look(self, where: str, what: str) -> None:
        try:
            self.page.wait_for_function(self.SAYS, arg=[where, what], timeout=1000 * SECONDS)
        except TimeoutError:
            self._note(f"{what} is not shown within {SECONDS} s")
        self.seen += 1
        for odd in self.page.evaluate(self.ODD):
            if odd not in self._usual:
                self._note(odd)

    def _note(self, what: str) -> None:
        self.found.append(f"{self._text[:100]!r}: {what}")

    def _see_dialog(self, dialog: Dialog) -> None:
        self._note(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _see_message(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self._note(message.text)

    def _see_request(self, address: str) -> None:
        if not address.startswith((f"{self.url}/", "data:", "blob:")):
            self._note(f"a request to {address}")


def main() -> int:
    """Send all, or the first so many, and say how many texts were looked at; 1 when any did harm."""
    strings = hostile.VALUES[: int(sys.argv[1])] if len(sys.argv) > 1 else hostile.VALUES
    found: list[str] = []

    def timed(what: str, begun: float, harm: Sequence[str]) -> None:
        found.extend(harm)
        print(f"{what}: {len(harm)} did harm, {time.perf_counter() - begun:.0f} s", flush=True)

    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder), **HOSTED) as server:
        run = baseline_run(load_dataset(), BaselineSettings(folds=2))
        RunStore(server.runs).publish(run)
        before = sorted(server.runs.iterdir())
        begun = time.perf_counter()
        timed(f"{len(strings)} strings by socket", begun, asyncio.run(knock(server.url, strings)))
        begun = time.perf_counter()
        n = sum(1 for _ in addresses(strings))
        timed(f"{n} addresses by web socket", begun, asyncio.run(open_all(server.url, strings)))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
            witness = Witness(browser.new_page(), server.url)
            begun = time.perf_counter()
            witness.look_at_addresses(strings)
            witness.look_at_index(strings)
            witness.look_at_files(strings, run.run_id)
            witness.look_at_paths(strings)
            timed(f"{witness.seen} looks in Chromium", begun, witness.found)
            browser.close()
        kept = sorted(server.runs.iterdir())
        tracebacks = server.log.read_text(encoding="utf-8").count("Traceback")
    print(*found[:20], sep="\n")
    print(
        f"{len(strings)} strings: {len(found)} did harm, {tracebacks} tracebacks, {len(kept) - len(before)} files kept"
    )
    return int(bool(found) or tracebacks > 0 or kept != before)


if __name__ == "__main__":
    sys.exit(main())
