"""The server: ``streamlit run dashboard.py``. It starts the workers, serves the pages, and stops the workers."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st

from fmnist_core import FMNISTError, log_lines
from fmnist_core.environment import Environment
from pages.parts import engine, failures, front_door, link_preview

# Streamlit's own cloud has secrets instead of environment variables; read, they become such.
st.secrets.load_if_toml_exists()
try:
    environment = Environment.read()
except FMNISTError as error:
    sys.exit(str(error))
log_lines.bound(environment.log_line)


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Workers live exactly as long as the server."""
    engine.start(environment)
    try:
        yield
    finally:
        engine.stop()


app = st.App(
    Path(__file__).with_name("pages") / "frame.py",
    lifespan=lifespan,
    middleware=front_door.middleware(environment),
    routes=link_preview.routes(),
    on_script_error=failures.show,
)
