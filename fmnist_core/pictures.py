"""A visitor's own picture: decoded at arm's length, and brought to what the models know, 28x28 grey on nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fmnist_core.dataset import SIDE
from fmnist_core.errors import FMNISTError

MOST_BYTES = 5 * 2**20
_SECONDS = 4.5  # to wait for a place and decode; a visitor has a picture or a sentence within 5
_DECODER = Path(__file__).with_name("picture_decoder.py")
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
# Thirty visitors may upload at once: each decoder may take 140 MB, so only two work at a time.
_places = threading.BoundedSemaphore(2)


class PictureError(FMNISTError):
    """An upload is not a picture that can be used; the text says why and what to do."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
        Red, green, blue; the longer side at most 560. What was transparent is white.
    n_frames : int
        Frames in the file; only the first was decoded.
    """

    pixels: np.ndarray
    n_frames: int


def decode(content: bytes) -> Picture:
    """Decode a PNG, JPEG or WebP file that nobody vouches for.

    It happens in a process of its own with hard limits: 140 MB, 4 s of processor time, 5 s in all.

    Raises
    ------
    PictureError
        When it is too large, of another kind, damaged, or takes too much to decode.
    """
    if not content:
        raise PictureError("The file is empty. Choose another picture.")
    if len(content) > MOST_BYTES:
        raise PictureError(f"The file has {len(content) / 2**20:.1f} MB; at most 5 MB are accepted. Make it smaller.")
    is_webp = content[:4] == b"RIFF" and content[8:12] == b"WEBP"
    if not (content.startswith(_SIGNATURES) or is_webp):
        raise PictureError("The file is no PNG, JPEG or WebP picture, whatever its name says. Save it as one of these.")
    deadline = time.monotonic() + _SECONDS
    # Half the time to wait: a picture whose turn comes late would be blamed for being slow.
    if not _places.acquire(timeout=_SECONDS / 2):
        raise PictureError("Many pictures are being read just now. Try again in a few seconds.")
    try:
        answer = subprocess.run(  # noqa: S603  (our own program; the file comes as data on its standard input)
            [sys.executable, "-I", "-B", str(_DECODER)],
            input=content,
            capture_output=True,
            timeout=deadline - time.monotonic(),
            check=False,
            env={},
        ).stdout
    except subprocess.TimeoutExpired:
        raise PictureError("The picture took too long to read. Save it anew, smaller, and try again.") from None
    finally:
        _places.release()
    return _read(answer)


def _read(answer: bytes) -> Picture:
    line, _, pixels = answer.partition(b"\n")
    try:
        facts = json.loads(line)
        problem = facts.get("problem")
        if problem is None:
            width, height = facts["size"]
            return Picture(np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3), facts["n_frames"])
    except ValueError:  # the decoder was ended by its limits, or crashed, before all was written
        problem = "reading it takes more memory or time than a picture should"
    raise PictureError(f"The picture cannot be used: {problem}. Try another one, or save it anew.")


@dataclass(frozen=True)
class Recipe:
    """Which steps are taken on the way to 28x28; all of them is how Fashion-MNIST itself was made."""

    grey: bool = True
    invert: bool = True
    level: bool = True
    crop: bool = True
    centre: bool = True
    smooth: bool = True


@dataclass(frozen=True, eq=False)
class Step:
    """One step of the way, with the picture as it stands after it.

    Parameters
    ----------
    name : str
        A field of `Recipe`.
    done : str
        What was done, in one sentence.
    pixels : ndarray of shape (height, width), uint8
        0 is the ground, 255 the strongest ink.
    """

    name: str
    done: str
    pixels: np.ndarray


def prepare(pixels: np.ndarray, recipe: Recipe | None = None) -> tuple[Step, ...]:
    """Bring a picture to what the models know, step by step.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
    recipe : Recipe, optional
        All steps when not given.

    Returns
    -------
    tuple of Step
        One for each field of `Recipe`, in that order; the last picture has shape (28, 28).
    """
    recipe = recipe or Recipe()
    grey, grey_done = _grey(pixels, recipe.grey)
    inverted, invert_done = _invert(grey, recipe.invert)
    levelled, level_done = _level(inverted, recipe.level)
    ground = _ground(levelled)
    cut, crop_done = _crop(levelled, ground, recipe.crop)
    square, centre_done = _centre(cut, ground, recipe.centre)
    small, smooth_done = _shrink(square, recipe.smooth)
    return (
        Step("grey", grey_done, _to_bytes(grey)),
        Step("invert", invert_done, _to_bytes(inverted)),
        Step("level", level_done, _to_bytes(levelled)),
        Step("crop", crop_done, _to_bytes(cut)),
        Step("centre", centre_done, _to_bytes(square)),
        Step("smooth", smooth_done, small),
    )


def _to_bytes(grey: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _grey(pixels: np.ndarray, switched_on: bool) -> tuple[np.ndarray, str]:
    if not switched_on:
        return pixels[:, :, 0].astype(np.float64), "Off: only the red of each pixel is taken."
    # How bright the eye finds red, green and blue (ITU-R BT.601), as Pillow and most cameras have it.
    return pixels @ np.array([0.299, 0.587, 0.114]), "Colours became one grey value each, as bright as the eye sees it."


def _ground(grey: np.ndarray) -> float:
    """The value of the ground: the median along the picture's edge."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


def _invert(grey: np.ndarray, switched_on: bool) -> tuple[np.ndarray, str]:
    if not switched_on:
        return grey, "Off: light stays light."
    if _ground(grey) < 128:
        return grey, "The ground is dark already, as in the data set: nothing to invert."
    return 255.0 - grey, "The ground was light; in the data set it is 0, so dark and light were swapped."


def _level(grey: np.ndarray, switched_on: bool) -> tuple[np.ndarray, str]:
    if not switched_on:
        return grey, "Off: the ground keeps its grey."
    ground, strongest = _ground(grey), float(np.percentile(grey, 99.5))
    if strongest - ground < 10:
        return grey, "Ground and object are almost the same grey: there is nothing to stretch."
    stretched = np.clip((grey - ground) / (strongest - ground), 0.0, 1.0) * 255.0
    return stretched, "The ground became exactly 0, and the strongest ink 255."


def _crop(grey: np.ndarray, ground: float, switched_on: bool) -> tuple[np.ndarray, str]:
    if not switched_on:
        return grey, "Off: the empty border stays."
    ink = np.abs(grey - ground) > 40
    rows, columns = (np.flatnonzero(ink.mean(axis=axis) > 0.01) for axis in (1, 0))
    if len(rows) == 0 or len(columns) == 0:
        return grey, "No object stands out from the ground: the whole picture is kept."
    cut = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cut, f"The empty border was cut off: {cut.shape[1]} x {cut.shape[0]} pixels are left."


def _centre(grey: np.ndarray, ground: float, switched_on: bool) -> tuple[np.ndarray, str]:
    height, width = grey.shape
    side = max(height, width)
    square = np.full((side, side), ground)
    top, left = ((side - height) // 2, (side - width) // 2) if switched_on else (0, 0)
    square[top : top + height, left : left + width] = grey
    if switched_on:
        return square, "Ground was added on the shorter sides: a square with the object in its middle."
    return square, "Off: the object stands at the top left of its square."


def _shrink(grey: np.ndarray, switched_on: bool) -> tuple[np.ndarray, str]:
    if not switched_on:
        places = ((np.arange(SIDE) + 0.5) * len(grey) / SIDE).astype(int)
        return _to_bytes(grey[np.ix_(places, places)]), "Off: of each patch just one pixel was picked."
    small = Image.fromarray(grey.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BOX)
    return _to_bytes(np.asarray(small)), "Shrunk to 28 × 28: each new pixel is the mean of a patch."
