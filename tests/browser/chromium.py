"""Find a Chromium for the browser tests; run as a script, install one when there is none."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Return the path of a Chromium that starts: ``CHROMIUM``, one on the PATH, or Playwright's own.

    Returns
    -------
    str or None
        For ``playwright.chromium.launch(executable_path=...)``; None when there is none.
    """
    candidates = [os.environ.get("CHROMIUM"), *(shutil.which(name) for name in NAMES)]
    found = next((path for path in candidates if path and _starts(path)), None)
    return found or _playwrights_own()


def install_chromium() -> str | None:
    """Try Playwright's own installer, then Debian's package when root; return the path, or None."""
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    has_apt = as_root and shutil.which("apt-get") is not None
    downloaded = _try(sys.executable, "-m", "playwright", "install", "chromium")
    found = find_chromium()
    if found is None and downloaded and has_apt:  # it lacks system libraries
        _try(sys.executable, "-m", "playwright", "install-deps", "chromium")
        found = find_chromium()
    if found is None and has_apt:
        _try("apt-get", "update", "-q")
        _try("apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium")
        found = find_chromium()
    return found


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    def ask() -> str:
        with sync_playwright() as playwright:
            return playwright.chromium.executable_path

    with ThreadPoolExecutor(1) as elsewhere:  # the caller's thread may have a Playwright of its own, and can have one
        path = elsewhere.submit(ask).result()
    return path if Path(path).exists() and _starts(path) else None


def _starts(path: str) -> bool:
    """A browser whose system libraries are missing is there and does not start."""
    try:
        answer = subprocess.run([path, "--version"], check=False, capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _try(*command: str) -> bool:
    """Run a way of installing; whether it brought a browser is seen by looking for one."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print(f"No Chromium found; trying: {' '.join(command)}", file=sys.stderr)
    try:
        answer = subprocess.run(
            command,
            check=False,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"  that did not work: {error}", file=sys.stderr)
        return False
    if answer.returncode != 0:
        lines = answer.stdout.strip().splitlines() or [f"exit code {answer.returncode}"]
        print(f"  that did not work: {lines[-1]}", file=sys.stderr)
    return answer.returncode == 0


if __name__ == "__main__":
    browser = find_chromium() or install_chromium()
    if browser is None:
        sys.exit(
            "The browser tests need a Chromium, and none could be installed here. "
            "Install Chromium or Chrome, or set CHROMIUM to the path of one, and run `make test` again."
        )
    print(f"Browser tests use {browser}")
