"""What a link shows where it is pasted: title and description, in the page that the server sends first."""

from __future__ import annotations

import html
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from fmnist_core import FMNISTError, RunRecord
from pages.parts import engine, run_names

_INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
_TITLE = "<title>Streamlit</title>"
_SITE = "Fashion-MNIST, live"
_PAGES = {
    "": ("", "Look at 70,000 pictures of clothes, set a baseline, train a neural network, and see what it gains you."),
    "explorer": ("Explorer", "Look at the 70,000 pictures of Fashion-MNIST before anything is trained."),
    "baseline": ("Baseline", "A simple linear classifier on Fashion-MNIST: the figure that a network has to beat."),
    "network": ("Neural network", "Build a network, train it on 60,000 pictures of clothes, and watch it learn."),
    "evaluation": ("Evaluation", "What a network gains over the baseline, and the pictures behind the figure."),
}


def routes() -> list[Route]:
    """For `st.App`: the addresses of the pages."""
    return [Route(f"/{path}", _answer, name=f"page-{path}") for path in _PAGES]


def _answer(request: Request) -> HTMLResponse:
    path = request.url.path.strip("/")
    name, description = _PAGES[path]
    if path == "evaluation":
        description = _of_run(request.query_params.get("run", "")) or description
    return HTMLResponse(
        page(f"{name} · {_SITE}" if name else _SITE, description), headers={"Cache-Control": "no-cache"}
    )


def page(title: str, description: str) -> str:
    """Streamlit's first page with these two in its head."""
    title, description = html.escape(title), html.escape(description)
    head = (
        f"<title>{title}</title>\n"
        f'    <meta name="description" content="{description}" />\n'
        f'    <meta property="og:type" content="website" />\n'
        f'    <meta property="og:site_name" content="{_SITE}" />\n'
        f'    <meta property="og:title" content="{title}" />\n'
        f'    <meta property="og:description" content="{description}" />\n'
        '    <meta name="twitter:card" content="summary" />'
    )
    return _INDEX.read_text(encoding="utf-8").replace(_TITLE, head, 1)


def _of_run(run_id: str) -> str | None:
    try:
        records = engine.store().records()
    except FMNISTError:
        return None
    return next((describe(record) for record in records if record.run_id == run_id), None)


def describe(record: RunRecord) -> str:
    """A run in one line: what it is, how good it is, on how many pictures."""
    accuracy, n = record.headline["accuracy"], record.headline["n_pictures"]
    return f"{run_names.describe(record)}. Accuracy {accuracy:.4f} on {n:,} pictures of clothes it had not seen."
