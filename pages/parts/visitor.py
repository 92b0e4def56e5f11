"""Who is asking? Without accounts: the browser, by a random cookie that the server gave it with the page."""

from __future__ import annotations

import re

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts import engine

COOKIE = "fmnist_visitor"


def name() -> str:
    """What the queue knows this visitor by; on one's own machine everybody is the same person."""
    if not engine.environment().hosted:
        return ""
    cookie = st.context.cookies.get(COOKIE, "")
    if re.fullmatch("[0-9a-f]{32}", cookie):
        return cookie
    context = get_script_run_ctx()
    return context.session_id if context is not None else "nobody"
