"""What went wrong, as a sentence on the page."""

from __future__ import annotations

import streamlit as st

from fmnist_core import FMNISTError
from pages.parts.plain import plain


def show(error: Exception) -> bool:
    """Say an error of the engine on the page; whether it was one. Others are left to Streamlit."""
    if not isinstance(error, FMNISTError):
        return False
    st.error(plain(str(error)), icon=":material/error:")
    return True
