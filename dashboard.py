"""The server: ``streamlit run dashboard.py``. It starts the workers, serves the pages, and stops the workers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

from pages.parts import engine


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Workers live exactly as long as the server."""
    engine.start()
    try:
        yield
    finally:
        engine.stop()


app = st.App(Path(__file__).with_name("pages") / "frame.py", lifespan=lifespan)
