"""The real server with its real worker, and a real Chromium in front of it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 20_000  # milliseconds: a loaded machine is slow, which is no failure
expect.set_options(timeout=PATIENCE)
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
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard.py"), f"--server.port={port}"],
            cwd=folder,
            env={**os.environ, "FMNIST_RUNS": str(runs), "FMNIST_PREPARED": str(folder / "prepared"), **environment},
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
    """One dashboard for all browser tests, with an empty run store."""
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def server_url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as instance:
        yield instance


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    own = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    instance = playwright.chromium.launch(executable_path=own, args=CHROMIUM_ARGUMENTS)
    yield instance
    instance.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator:
    """Open an address in a fresh browser context; at the end no page may have complained in its console."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # At a deep link Streamlit's client first asks for its server below the page's own path: a 404 is the answer.
        # And a page that changes again at once takes its pictures away while a busy browser still asks for them.
        url = message.location.get("url", "")
        complaint = f"{message.text} {url}"
        harmless = r"/\w+/_stcore/(health|host-config)$|/media/[0-9a-f]+\.(jpg|png)\b"
        if message.type == "error" and not re.search(harmless, complaint):
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
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page, server_url: str) -> Page:
    """The first page, in a browser context of its own."""
    return open_page(server_url)
