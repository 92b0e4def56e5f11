"""The real server with its real worker, and a real Chromium in front of it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

from tests.browser.chromium import find_chromium

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20_000  # milliseconds: a loaded machine is slow, which is no failure
expect.set_options(timeout=PATIENCE)
# A dashboard for strangers, as a test reaches it.
HOSTED = {"FMNIST_HOSTED": "1", "FMNIST_HOSTS": "localhost"}
# The browser's own housekeeping would try to reach the internet.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Server:
    """A running dashboard."""

    url: str
    process: subprocess.Popen
    runs: Path
    log: Path


@contextmanager
def running_server(folder: Path, **environment: str) -> Iterator[Server]:
    """Start the dashboard as the README says, from another folder than its own, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    runs, log = folder / "runs", folder / "server.log"
    own = ("FMNIST_", "STREAMLIT_", "DASK_")  # what a developer has set must not change what is tested
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard.py"), f"--server.port={port}"],
            cwd=folder,
            env={**inherited, "FMNIST_RUNS": str(runs), "FMNIST_PREPARED": str(folder / "prepared"), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        url = f"http://localhost:{port}"
        try:
            _wait_until_up(url, process, log)
            yield Server(url, process, runs, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_up(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"The dashboard did not come up:\n{log.read_text()}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One dashboard for all browser tests, with an empty run store; at the end its log may hold no traceback."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running
        log = running.log.read_text()
    assert raised_in(log) == [], log


def raised_in(log: str) -> list[str]:
    """The last line of each traceback in a server's log: the exception and what it says."""
    return re.findall(r"^Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*(\S.*)$", log, re.MULTILINE)


@pytest.fixture(scope="session")
def server_url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as instance:
        yield instance


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    instance = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGUMENTS)
    yield instance
    instance.close()


@contextmanager
def watched_pages(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open addresses in fresh browser contexts; at the end no page may have complained or shown a broken picture."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    not_there: list[str] = []

    def note(message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        complaint = f"{message.text} {url}"
        if message.type != "error":
            return
        # A page that changes again at once takes its pictures away while a busy browser still asks for them.
        if re.search(r"/media/[0-9a-f]+\.(jpg|png)\b", complaint):
            not_there.append(complaint)
        # At a deep link Streamlit's client first asks for its server below the page's own path: a 404 is the answer.
        elif not re.search(r"/\w+/_stcore/(health|host-config)$", complaint):
            complaints.append(complaint)

    def open_one(url: str, **options) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    broken = [
        source
        for context in contexts
        for page in context.pages
        for source in page.evaluate(
            "[...document.images].filter(each => each.src && each.complete && !each.naturalWidth).map(each => each.src)"
        )
    ]
    for context in contexts:
        context.close()
    assert complaints == []
    assert broken == [], not_there


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a fresh browser context."""
    with watched_pages(browser) as open_one:
        yield open_one


@pytest.fixture(scope="module")
def open_page_of_module(browser: Browser) -> Iterator[Callable[..., Page]]:
    """The same, for pages that several tests of a module look at."""
    with watched_pages(browser) as open_one:
        yield open_one


@pytest.fixture
def page(open_page, server_url: str) -> Page:
    """The first page, in a browser context of its own."""
    return open_page(server_url)
