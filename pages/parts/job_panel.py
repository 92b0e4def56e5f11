"""What happens to an experiment: not yet run, waiting, under way, stopped, failed, or kept."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from fmnist_core import Job, JobRefused, JobState, cost
from fmnist_core.progress import Progress
from fmnist_core.runs import identify
from fmnist_core.settings import Settings
from pages.parts import engine, run_names, visitor

_REFRESH_SECONDS = 0.5
_FAR_SECONDS = 3.0  # while others come first: thirty who wait together would ask for little else than their place
_REFUSED = "job_panel.refused"
_ASKED_FOR = "job_panel.asked_for"  # runs that this session has pressed the button for


def has_begun(settings: Settings) -> bool:
    """Whether there is, or soon will be, something to see of this experiment."""
    run_id, job = _find(settings)
    return job is not None or run_id in engine.store()


def can_start(settings: Settings) -> bool:
    """Whether the button would compute anything: not while it is under way, nor when it was computed here."""
    run_id, job = _find(settings)
    under_way = job is not None and job.state.active
    return not under_way and (run_id not in engine.store() or engine.store().is_prepared(run_id))


def show_button(settings: Settings, verb: str, invitation: str) -> None:
    """Show the button that starts the experiment, unless it is under way, and what keeps it from being started.

    Parameters
    ----------
    settings : BaselineSettings or NetworkSettings
    verb : str
        What the button says.
    invitation : str
        What to do while there is nothing to show.
    """
    run_id, job = _find(settings)
    if job is not None and job.state.active:
        return
    kept = run_id in engine.store()
    startable = can_start(settings)
    too_much = cost.refusal(settings, engine.environment().seconds)
    if st.button(
        verb,
        type="primary",
        icon=":material/play_arrow:",
        disabled=not startable or too_much is not None,
        key=f"start.{settings.kind}",
    ) and ask(settings):
        st.rerun()
    if not startable:
        st.caption(_why_not(run_id))
    elif too_much is not None:
        st.warning(too_much, icon=":material/timer_off:")
    elif not kept and job is None:
        st.info(invitation, icon=":material/arrow_upward:")
    elif kept and (job is None or job.saved_run_id is None):
        origin = run_names.origin(engine.run(run_id).record)
        st.caption(f":material/inventory_2: {origin} Press **{verb}** to see it live.")


def show_outcome(
    settings: Settings, draw_progress: Callable[[Settings, Progress], None], draw_run: Callable[[str], None]
) -> None:
    """Show where the experiment stands; nothing when it has not begun.

    Parameters
    ----------
    settings : BaselineSettings or NetworkSettings
    draw_progress : callable
        Draws a computation that is under way.
    draw_run : callable
        Draws the finished run of a run id.
    """
    run_id, job = _find(settings)
    if job is not None and job.state.active:
        far = _is_far(job)
        st.fragment(_follow, run_every=_FAR_SECONDS if far else _REFRESH_SECONDS)(run_id, draw_progress, far)
        return
    if job is not None and job.state is JobState.FAILED:
        st.error(job.message, icon=":material/error:")
    elif job is not None and job.state is JobState.STOPPED:
        st.info(job.message, icon=":material/stop_circle:")
        if job.saved_run_id is not None:
            draw_run(job.saved_run_id)
            return
    if run_id in engine.store():
        draw_run(run_id)


def _why_not(run_id: str) -> str:
    """Why a finished experiment's button is grey, and what to do."""
    if run_id in st.session_state.get(_ASKED_FOR, set()):
        done = f":material/check: Finished in {cost.in_words(engine.run(run_id).record.seconds)}."
    else:
        done = ":material/inventory_2: These settings were run before; the result was kept."
    return f"{done} Change a setting to run another."


def _find(settings: Settings) -> tuple[str, Job | None]:
    run_id = identify(settings, engine.data_digest())
    return run_id, engine.queue().job(run_id)


def ask(*wanted: Settings) -> bool:
    """Queue experiments for this visitor, as many as the queue takes; whether it took any."""
    taken = 0
    try:
        for settings in wanted:
            job = engine.queue().submit(settings, visitor.name())
            st.session_state.setdefault(_ASKED_FOR, set()).add(job.run_id)
            taken += 1
    except JobRefused as error:
        st.session_state[_REFUSED] = f"{taken} of {len(wanted)} were queued. {error}" if taken else str(error)
    if not taken:
        show_refusal()
    return taken > 0


def show_refusal() -> None:
    """Say, once, what the queue refused."""
    refused = st.session_state.pop(_REFUSED, None)
    if refused is not None:
        st.warning(refused, icon=":material/block:")


def _is_far(job: Job) -> bool:
    return job.state is JobState.WAITING and job.position > 1


def _follow(run_id: str, draw_progress: Callable[[Settings, Progress], None], far: bool) -> None:
    job = engine.queue().job(run_id)
    if job is None or not job.state.active or _is_far(job) is not far:
        st.rerun()
    if visitor.name() in job.visitors and st.button(
        "Stop" if job.state is not JobState.WAITING else "Leave the queue",
        icon=":material/stop:",
        disabled=job.state is JobState.STOPPING,
        key=f"stop.{job.settings.kind}",
    ):
        engine.queue().stop(run_id, visitor.name())
        st.rerun(scope="fragment")
    share = job.progress.share if job.progress is not None else 0.0
    st.progress(share, text=_in_words(job))
    if job.progress is not None:
        draw_progress(job.settings, job.progress)


def _in_words(job: Job) -> str:
    if job.state is JobState.WAITING:
        return _waiting_in_words(job)
    if job.state is JobState.STOPPING:
        kept = job.settings.kind == "network"
        return "Stopping: what was learned so far is measured and kept…" if kept else "Stopping…"
    if job.progress is None:
        return "Starting…"
    progress = job.progress
    if progress.number > progress.total:
        return "Finishing: measuring and keeping the result…"
    return f"{progress.unit.capitalize()} {progress.number} of {progress.total}{_time_left(job)}"


def _waiting_in_words(job: Job) -> str:
    if engine.queue().status.n_workers == 0:
        return f"{engine.queue().why_idle} This begins as soon as a worker is there…"
    if not job.position:
        return "About to start…"
    wait = f" It will start in about {cost.in_words(job.wait)}." if job.wait else ""
    return f"Waiting: {job.position} before this one.{wait}"


def _time_left(job: Job) -> str:
    left = job.seconds_left
    return f", about {cost.in_words(left)} left" if left is not None and left >= 1 else ""


def show_footer() -> None:
    """One line below every page: who computes, and what is under way."""
    active = [job for job in engine.queue().jobs() if job.state.active]
    status = engine.queue().status
    if not status.n_workers:
        state = engine.queue().why_idle.removesuffix(".").lower()
    elif not status.n_warm:
        state = "loading TensorFlow"
    else:
        state = "ready to train"
    work = f"{len(active)} running or waiting" if active else "nothing running"
    data = "Fashion-MNIST: 60,000 + 10,000 pictures, Zalando SE, MIT licence"
    st.caption(f"{data} · {state} · {work}")
