"""A few experiments that belong together: one button queues what is missing, and they are drawn as they finish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from fmnist_core import Job, RunRecord
from fmnist_core.settings import Settings
from pages.parts import engine, job_panel, visitor

_REFRESH_SECONDS = 1.0


def show(
    wanted: Mapping[str, Settings],
    own: str,
    verb: str,
    invitation: str,
    draw: Callable[[Sequence[RunRecord]], None],
    key: str,
) -> None:
    """Offer, follow and draw the experiments.

    Parameters
    ----------
    wanted : mapping of str to settings
        By run id.
    own : str
        The run id of the page's own experiment.
    verb : str
        What the button says.
    invitation : str
        Stands before the button while something is missing.
    draw : callable
        Draws the finished ones: from the first one on while they are being computed, else from the second.
    key : str
        Tells several series on one page apart.
    """
    # The page's own experiment may be one of them: while only that one is under way, the page shows it already.
    if any(job.run_id != own for job in _active(wanted)):
        job_panel.show_refusal()
        _follow(wanted, own, draw, key)
        return
    kept = _kept(wanted)
    missing = [settings for run_id, settings in wanted.items() if run_id not in {record.run_id for record in kept}]
    if missing:
        st.markdown(invitation)
        if st.button(verb, icon=":material/play_arrow:", key=f"{key}.start") and job_panel.ask(*missing):
            st.rerun()
    if len(kept) > 1:
        draw(kept)


@st.fragment(run_every=_REFRESH_SECONDS)
def _follow(wanted: Mapping[str, Settings], own: str, draw: Callable[[Sequence[RunRecord]], None], key: str) -> None:
    active = _active(wanted)
    if all(job.run_id == own for job in active):
        st.rerun()
    kept = _kept(wanted)
    under_way = sum(job.progress.share for job in active if job.progress is not None)
    st.progress(
        min((len(kept) + under_way) / len(wanted), 1.0),
        text=f"{len(kept)} of {len(wanted)} finished, {len(active)} to come…",
    )
    if any(visitor.name() in job.visitors for job in active) and st.button(
        "Stop these", icon=":material/stop:", key=f"{key}.stop"
    ):
        for job in active:
            engine.queue().stop(job.run_id, visitor.name())
    if kept:
        draw(kept)


def _active(wanted: Mapping[str, Settings]) -> list[Job]:
    jobs = [engine.queue().job(run_id) for run_id in wanted]
    return [job for job in jobs if job is not None and job.state.active]


def _kept(wanted: Mapping[str, Settings]) -> list[RunRecord]:
    return [record for record in engine.store().records() if record.run_id in wanted]
