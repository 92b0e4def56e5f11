"""The table behind a chart, to take away."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st


def offer(make_table: Callable[[], pd.DataFrame], name: str, key: str) -> None:
    """Offer a table as CSV; it is made when somebody asks for it.

    Parameters
    ----------
    make_table : callable
        Returns the table; its index is written only when it has a name.
    name : str
        Of the file, without its ending.
    key : str
        Of the button.
    """

    def to_csv() -> bytes:
        table = make_table()
        return table.to_csv(index=table.index.name is not None).encode()

    st.download_button(
        "Table (CSV)",
        to_csv,
        file_name=f"{name}.csv",
        mime="text/csv",
        key=key,
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )
