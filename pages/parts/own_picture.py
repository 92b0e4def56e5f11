"""The visitor's own picture: how it becomes 28x28, and what up to three runs say of it. Nothing of it is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import streamlit as st

from fmnist_core import FMNISTError, RunRecord
from fmnist_core.baseline import score, to_probabilities
from fmnist_core.dataset import CLASS_NAMES, SIDE
from fmnist_core.pictures import PictureError, Recipe, Step, decode, prepare
from pages.parts import csv_button, drawing, engine, one_picture, run_names

_MOST_RUNS = 3
UPLOAD, CAMERA, DRAWING = "Upload", "Camera", "Draw"
_READ = "own_picture.read"  # the session's last picture, decoded: replaced by the next, gone with the session
_ANSWERS = "own_picture.answers"
_NAMES = {
    "grey": "1. Grey",
    "invert": "2. Inverted",
    "level": "3. Levelled",
    "crop": "4. Cropped",
    "centre": "5. Centred",
    "smooth": "6. Scaled to 28 × 28",
}


def show(records: Sequence[RunRecord], run_id: str, against: str | None) -> None:
    """Take a picture, show what the runs say beside it, and below its way to 28x28 with a switch at each step."""
    st.markdown(
        "Show a model something of your own: one piece of clothing on a plain background works best. Models know only "
        "what they were shown: 28 × 28 grey pixels, bright on black, centred."
    )
    where, who = st.columns([1, 2], gap="large")
    source = where.segmented_control(
        "Source", (UPLOAD, CAMERA, DRAWING), key="own_picture.source", default=UPLOAD, required=True,
        persist_state="session",
    )  # fmt: skip
    where.caption(":material/delete: Nothing of your picture is kept: it goes when you close this page.")
    run_ids = _choose_runs(who, records, run_id, against)
    try:
        with where:
            content = _take(source or UPLOAD)
        if content is None:
            st.session_state.pop(_READ, None)
            return
        with where:
            pixels = _decode(content)
    except PictureError as error:
        st.error(str(error), icon=":material/broken_image:")
        return
    switches = {field.name: st.session_state.get(f"own_picture.{field.name}", True) for field in fields(Recipe)}
    steps = prepare(pixels, Recipe(**switches))
    with who:
        _show_answers(steps[-1].pixels, run_ids, {record.run_id: record for record in records})
    _show_steps(pixels, steps)


def _choose_runs(
    where: st.delta_generator.DeltaGenerator, records: Sequence[RunRecord], run_id: str, against: str | None
) -> list[str]:
    by_id = {record.run_id: record for record in records}
    chosen = where.multiselect(
        "Runs to ask, at most three",
        list(by_id),
        default=[each for each in (run_id, against) if each is not None],
        key=f"own_picture.runs.{run_id}.{against}",
        format_func=lambda each: run_names.describe(by_id[each]),
        max_selections=_MOST_RUNS,
    )
    return chosen[:_MOST_RUNS]


def _take(source: str) -> bytes | None:
    """The file that the visitor gave, or None while there is none."""
    if source == CAMERA:
        st.caption(
            "No camera, or not allowed? Choose **Upload** or **Draw**. Browsers lend the camera only to pages that "
            "come by https or from the same machine."
        )
        photo = st.camera_input("Take a photo", key="own_picture.photo")
        return None if photo is None else photo.getvalue()
    if source == DRAWING:
        st.caption("Draw one piece of clothing and fill it.")
        width = st.slider("Pen", 4, 60, 24, key="own_picture.pen", help="Fashion-MNIST's pictures are filled shapes.")
        return drawing.show("own_picture.sheet", "Sheet to draw on", width)
    file = st.file_uploader(
        "A picture: PNG, JPEG or WebP, at most 5 MB and 4 megapixels",
        type=["png", "jpg", "jpeg", "webp"],
        max_upload_size=5,
        key="own_picture.file",
    )
    return None if file is None else file.getvalue()


def _decode(content: bytes) -> np.ndarray:
    fingerprint = hashlib.sha256(content).hexdigest()
    known = st.session_state.get(_READ)
    if known is None or known[0] != fingerprint:
        picture = decode(content)
        known = st.session_state[_READ] = (fingerprint, picture)
    picture = known[1]
    if picture.n_frames > 1:
        st.caption(f"Of its {picture.n_frames} frames, the first is used.")
    return picture.pixels


def _show_steps(pixels: np.ndarray, steps: tuple[Step, ...]) -> None:
    st.header("How it becomes 28 × 28")
    with st.grid(len(steps) + 1, min_column_width=130, gap="small") as grid:
        with grid.cell():
            st.markdown("**Yours**")
            st.image(pixels, width="stretch", alt="Your picture")
        for step in steps:
            with grid.cell():
                st.toggle(
                    _NAMES[step.name], key=f"own_picture.{step.name}", value=True, persist_state="session", wrap=True
                )
                st.image(_enlarged(step.pixels), width="stretch", alt=f"After the step: {_NAMES[step.name]}")
                st.caption(step.done)


def _enlarged(pixels: np.ndarray) -> np.ndarray:
    """Small pictures with visible pixels; browsers would blur them."""
    times = max(1, 280 // max(pixels.shape))
    return np.kron(pixels, np.ones((times, times), dtype=np.uint8))


def _show_answers(small: np.ndarray, run_ids: list[str], by_id: dict[str, RunRecord]) -> None:
    st.header("What the runs say")
    if not run_ids:
        st.info("Choose at least one run above.", icon=":material/arrow_upward:")
        return
    answers, figures = {}, {}
    for letter, run_id in zip(one_picture.LETTERS, run_ids, strict=False):
        name = f"{letter}: {run_names.describe(by_id[run_id])}"
        try:
            with st.spinner("Asking the model…"):
                ranking, probabilistic = _ask(run_id, small)
        except FMNISTError as error:
            st.warning(f"{name} could not be asked: {error}", icon=":material/error:")
            continue
        if not np.isfinite(ranking).all():
            st.warning(f"{name} diverged in training: its answers are not numbers.", icon=":material/warning:")
            continue
        said = CLASS_NAMES[int(ranking.argmax())]
        if probabilistic:
            answers[name] = figures[name] = ranking
            st.markdown(f"**{name}** says **{said}**, {ranking.max():.0%} sure.")
        else:
            st.markdown(f"**{name}** says **{said}**. Its loss gives scores, not probabilities.")
    if answers:
        st.plotly_chart(
            one_picture.answers_chart(answers, None), key="own_picture.chart", alt="Probabilities of your picture"
        )
        csv_button.offer(lambda: one_picture.answers_table(answers), "own_picture", "own_picture.csv")
    st.caption(
        "A model must choose one of its ten classes, whatever it is shown: being sure of something strange is normal. "
        "None of this was measured, so there is no accuracy here."
    )


def _ask(run_id: str, small: np.ndarray) -> tuple[np.ndarray, bool]:
    """What a run says of a picture: ten probabilities, or ten scores and False."""
    fingerprint = (run_id, small.tobytes())
    known = st.session_state.setdefault(_ANSWERS, {})
    if fingerprint not in known:
        if len(known) > 20:
            known.clear()
        known[fingerprint] = predict(run_id, small)
    return known[fingerprint]


def predict(run_id: str, small: np.ndarray) -> tuple[np.ndarray, bool]:
    """Ask a run: a baseline here, by its coefficients; a network in the worker.

    Parameters
    ----------
    run_id : str
    small : ndarray of shape (28, 28), uint8

    Returns
    -------
    ndarray of shape (10,), float64, and whether these are probabilities.
    """
    images = small.reshape(1, SIDE, SIDE)
    if engine.run(run_id).settings.kind == "network":
        return engine.queue().predict(run_id, images)[0].astype(np.float64), True
    run = engine.baseline_run(run_id)
    scores = score(images, run.settings, run.result.coefficients, run.result.intercepts)
    probabilities = to_probabilities(scores, run.result.loss_name)
    return (scores[0], False) if probabilities is None else (probabilities[0], True)
