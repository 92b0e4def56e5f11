"""A visitor's own picture: honest ones come out right, hostile ones get a sentence within 150 MB and 5 s."""

import io
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from fmnist_core import pictures
from fmnist_core.pictures import PictureError, Recipe, decode, prepare

FORMATS = ("PNG", "JPEG", "WEBP")


def scene(width=300, height=400, ground=235, ink=60):
    """A dark rectangle on a light ground, off the middle; (height, width, 3), uint8."""
    pixels = np.full((height, width, 3), ground, dtype=np.uint8)
    pixels[height // 2 : height - 20, 30 : width // 2] = ink
    return pixels


def written(pixels, kind, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def alike(pixels, expected, exactly):
    """JPEG rings near edges."""
    difference = np.abs(pixels.astype(int) - expected)
    return difference.max() == 0 if exactly else difference.mean() < 0.5


# Honest pictures ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_of_each_kind_is_decoded(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    picture = decode(written(scene(), kind, **options))
    assert picture.n_frames == 1
    assert alike(picture.pixels, scene(), exactly=kind != "JPEG")


def test_a_large_picture_is_handed_back_smaller_and_a_transparent_one_on_white():
    picture = decode(written(scene(2000, 1500), "PNG"))
    assert picture.pixels.shape == (420, 560, 3)
    clear = np.zeros((50, 50, 4), dtype=np.uint8)
    assert (decode(written(clear, "PNG")).pixels == 255).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_all_modes_of_png_are_understood(mode):
    grey = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(grey).convert("RGB" if mode == "P" else mode).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    pixels = decode(buffer.getvalue()).pixels
    assert pixels.shape == (64, 64, 3)
    if mode not in ("1", "P"):
        assert np.abs(pixels[:, :, 0].astype(int) - grey).max() <= 1


def test_only_the_first_frame_counts():
    frames = [Image.fromarray(np.full((40, 40, 3), value, dtype=np.uint8)) for value in (10, 200, 250)]
    for kind in ("PNG", "WEBP"):
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], lossless=True)
        picture = decode(buffer.getvalue())
        assert picture.n_frames == 3
        assert np.abs(picture.pixels.astype(int) - 10).max() <= 1


def test_a_camera_held_sideways_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    assert decode(written(scene(300, 200), "JPEG", exif=exif)).pixels.shape == (300, 200, 3)


# Hostile ones ---------------------------------------------------------------------------------------------


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


def header(width, height, depth=8, colour=2):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("picture.png", b"\x00" * 1_000_000)
    return buffer.getvalue()


def hostile():
    """Name, content: nothing of this is a usable picture."""
    honest = {kind: written(scene(), kind) for kind in FORMATS}
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    noisy = {kind: written(noise, kind) for kind in FORMATS}
    for kind, content in [*honest.items(), *noisy.items()]:
        for share in np.linspace(0.01, 0.93, 20):
            yield f"{kind} of {len(content)} bytes, cut at {share:.2f}", content[: int(len(content) * share)]
    bomb = zlib.compress(b"\x00" * 100_000_000, 9)
    data = chunk(b"IDAT", zlib.compress(b"\x00" * 3001 * 1000, 9))
    yield "empty", b""
    yield "30,000 x 30,000 PNG", png(header(30_000, 30_000), data)
    yield "2 billion wide PNG", png(header(2**31 - 1, 2**31 - 1), data)
    yield "no width PNG", png(header(0, 100), data)
    yield "PNG whose pixels unpack to 100 MB of too little", png(header(2000, 2000), chunk(b"IDAT", b""))
    yield "PNG without pixels", png(header(100, 100))
    yield "PNG with 100 MB of text, packed", png(header(10, 10), chunk(b"zTXt", b"a\0\0" + bomb), data)
    yield "PNG with 100 MB of international text", png(header(9, 9), chunk(b"iTXt", b"a\0\1\0\0\0" + bomb), data)
    yield "PNG with a 100 MB colour profile", png(header(1000, 10), chunk(b"iCCP", b"a\0\0" + bomb))
    yield "100 MB text chunk", png(header(10, 10), chunk(b"tEXt", b"a\0" + b"b" * 100_000_000), data)
    yield "chunk that claims 4 GB", b"\x89PNG\r\n\x1a\n" + header(10, 10) + b"\xff\xff\xff\xffIDAT"
    yield "only a PNG signature", b"\x89PNG\r\n\x1a\n"
    yield "only a JPEG signature", b"\xff\xd8\xff"
    yield "only a WebP signature", b"RIFF\x00\x00\x00\x00WEBP"
    yield "WebP of 16,384 x 16,384", b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2
    yield "WebP of 16 million squared", b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\xff" * 2
    yield "lossless WebP of 16,384 x 16,384", b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xff\xff\xff\xff" + bytes(8)
    yield "JPEG that says 65,500 x 65,500", honest["JPEG"].replace(struct.pack(">HH", 400, 300), b"\xff\xdc" * 2)
    for name, content in {
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(%pipe%id) (r) file\n",
        "zip": zipped(),
        "HTML": b"<!doctype html><script>alert(1)</script>",
        "program": b"\x7fELF" + bytes(100),
        "pickle": b"\x80\x04\x95\x00cos\nsystem\n(S'id'\ntR.",
        "gzip": b"\x1f\x8b\x08" + bytes(50),
        "NumPy": b"\x93NUMPY\x01\x00",
        "PDF": b"%PDF-1.7\n",
    }.items():
        yield f"{name} renamed", content
        for kind, signature in (("PNG", b"\x89PNG\r\n\x1a\n"), ("JPEG", b"\xff\xd8\xff\xe0")):
            yield f"{name} behind a {kind} signature", signature + content
    for kind in ("GIF", "BMP", "TIFF", "PPM", "ICO", "TGA"):
        yield f"{kind} renamed", written(noise[:16, :16], kind)
    random = np.random.default_rng(7)
    for number in range(15):
        yield f"PNG signature and noise {number}", b"\x89PNG\r\n\x1a\n" + random.bytes(300)
        yield f"JPEG signature and noise {number}", b"\xff\xd8\xff" + random.bytes(300)
    yield "6 MB of zeros behind a PNG signature", b"\x89PNG\r\n\x1a\n" + bytes(6 * 2**20)


def polyglots():
    """Name, content: real pictures with something else hanging on; only their pixels may matter."""
    for kind in FORMATS:
        content = written(scene(), kind, **({"lossless": True} if kind == "WEBP" else {}))
        yield f"{kind} and a zip", content + zipped()
        yield f"{kind} and a script", content + b"<script>alert(1)</script>"
        yield f"{kind} and zeros", content + bytes(1_000_000)


def corrupted():
    """Name, content: real pictures with bits turned over; some still decode."""
    random = np.random.default_rng(3)
    for kind in FORMATS:
        content = written(scene(), kind)
        for number in range(14):
            bent = np.frombuffer(content, dtype=np.uint8).copy()
            bent[random.integers(8, len(bent), 6)] ^= random.integers(1, 256, 6).astype(np.uint8)
            yield f"bent {kind} {number}", bent.tobytes()


def attempt(named):
    name, content = named
    start = time.monotonic()
    try:
        decode(content)
        problem = ""
    except PictureError as error:
        problem = str(error)
    return name, problem, time.monotonic() - start


@pytest.fixture
def memories(tmp_path, monkeypatch):
    """The most memory that each decoder took, in bytes, where the system tells."""
    program = (
        f"import re, runpy, sys; runpy.run_path({str(pictures._DECODER)!r}, run_name='__main__');"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)"
    )
    stand_in = tmp_path / "decoder.py"
    stand_in.write_text(program)
    monkeypatch.setattr(pictures, "_DECODER", stand_in)
    found, run = [], subprocess.run

    def watched(*arguments, **options):
        outcome = run(*arguments, **options)
        if outcome.stderr.strip().isdigit():
            found.append(int(outcome.stderr) * 1024)
        return outcome

    monkeypatch.setattr(subprocess, "run", watched)
    return found


def test_hostile_files_get_a_sentence_and_cost_little(memories):
    files = [*hostile(), *corrupted()]
    assert len(list(hostile())) >= 200
    with ThreadPoolExecutor(2) as visitors:
        outcomes = list(visitors.map(attempt, files))
    for name, problem, seconds in outcomes:
        assert seconds < 5, name
        if not name.startswith("bent"):
            assert problem, name
        assert "Traceback" not in problem
        assert "Error" not in problem
    if sys.platform == "linux":
        assert len(memories) > 200
        assert max(memories) < 150 * 2**20


@pytest.mark.parametrize(("name", "content"), list(polyglots()), ids=[name for name, _ in polyglots()])
def test_of_a_polyglot_only_the_pixels_matter(name, content):
    assert alike(decode(content).pixels, scene(), exactly="JPEG" not in name)


def test_a_picture_of_too_many_pixels_says_so_whatever_its_kind():
    big = Image.new("RGB", (2500, 2000))
    for kind in FORMATS:
        buffer = io.BytesIO()
        big.save(buffer, kind)
        with pytest.raises(PictureError, match="2,500 x 2,000 pixels, and at most 4 megapixels"):
            decode(buffer.getvalue())


def test_a_decoder_that_hangs_or_dies_gets_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_SECONDS", 0.5)
    for program, sentence in (("import time; time.sleep(60)", "too long"), ("import os; os._exit(9)", "more memory")):
        stand_in = tmp_path / "decoder.py"
        stand_in.write_text(program)
        monkeypatch.setattr(pictures, "_DECODER", stand_in)
        with pytest.raises(PictureError, match=sentence):
            decode(written(scene(), "PNG"))


def test_waiting_for_a_place_and_decoding_share_one_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_SECONDS", 1.0)
    monkeypatch.setattr(pictures, "_places", threading.BoundedSemaphore(1))
    stand_in = tmp_path / "decoder.py"
    stand_in.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(pictures, "_DECODER", stand_in)
    pictures._places.acquire()
    threading.Timer(0.4, pictures._places.release).start()
    _, problem, seconds = attempt(("a picture behind others", written(scene(), "PNG")))
    assert "took too long" in problem
    assert seconds < 1.3
    pictures._places.acquire()
    _, problem, seconds = attempt(("a picture without a place", written(scene(), "PNG")))
    assert "Many pictures are being read" in problem
    assert seconds < 0.8


@pytest.mark.parametrize("pixels", ["b'x' * 5", "b''", "bytes(12)"])
def test_a_decoder_that_dies_before_all_pixels_are_written_gets_a_sentence(tmp_path, monkeypatch, pixels):
    stand_in = tmp_path / "decoder.py"
    stand_in.write_text(f'import os\nos.write(1, b\'{{"size": [2, 3], "n_frames": 1}}\\n\' + {pixels})\nos._exit(9)')
    monkeypatch.setattr(pictures, "_DECODER", stand_in)
    with pytest.raises(PictureError, match="more memory or time"):
        decode(written(scene(), "PNG"))


def test_the_limit_on_memory_is_real(tmp_path, monkeypatch):
    source = pictures._DECODER.read_text()
    greedy = tmp_path / "greedy.py"
    greedy.write_text(
        source.replace("    content = sys.stdin", "    hoard = bytearray(200 * 2**20)\n    content = sys.stdin")
    )
    monkeypatch.setattr(pictures, "_DECODER", greedy)
    with pytest.raises(PictureError, match="more memory than a picture should"):
        decode(written(scene(), "PNG"))


# The way to 28x28 -----------------------------------------------------------------------------------------


def test_a_dark_thing_on_a_light_ground_becomes_ink_in_the_middle():
    steps = prepare(scene())
    small = steps[-1].pixels
    assert small.shape == (28, 28)
    assert small.dtype == np.uint8
    ink = np.argwhere(small > 128)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0)
    assert (top, bottom) == (0, 27), "the longer side fills the picture"
    assert abs(left - (27 - right)) <= 1, "the shorter one stands in the middle"
    assert small[:, 0].max() == 0
    assert small.max() == 255


def test_light_on_dark_and_dark_on_light_become_the_same():
    dark_ground = prepare(255 - scene())
    np.testing.assert_array_equal(prepare(scene())[-1].pixels, dark_ground[-1].pixels)
    assert "nothing to invert" in dark_ground[1].done


@pytest.mark.parametrize("name", ["grey", "invert", "level", "crop", "centre", "smooth"])
def test_each_step_can_be_switched_off_and_matters(name):
    pixels = scene()
    pixels[:, :, 1] //= 2  # not grey, so that the first step has something to do
    pixels[::2, ::2] -= 1
    with_all = {step.name: step for step in prepare(pixels)}
    without = {step.name: step for step in prepare(pixels, Recipe(**{name: False}))}
    assert list(with_all) == list(without) == list(Recipe.__dataclass_fields__)
    assert "Off:" in without[name].done
    assert "Off:" not in with_all[name].done
    assert not np.array_equal(with_all["smooth"].pixels, without["smooth"].pixels)


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(*[False] * 6), Recipe(crop=False), Recipe(level=False)])
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (28, 28, 3), (560, 3, 3), (60, 61, 3)])
@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_pictures_of_every_shape_end_as_28_by_28(recipe, shape, kind):
    fill = {
        "black": np.zeros(shape),
        "white": np.full(shape, 255),
        "noise": np.random.default_rng(1).random(shape) * 255,
    }
    steps = prepare(fill[kind].astype(np.uint8), recipe)
    assert steps[-1].pixels.shape == (28, 28)
    assert all(step.pixels.dtype == np.uint8 and step.pixels.size for step in steps)


def test_photos_of_the_data_set_itself_come_back_much_as_they_were(dataset):
    errors = []
    for image in dataset.test.images[:100]:
        photo = np.kron(255 - image, np.ones((12, 12), dtype=np.uint8))
        photo = np.pad(photo, 60, constant_values=255)
        errors.append(np.abs(prepare(np.stack([photo] * 3, axis=-1))[-1].pixels.astype(int) - image).mean())
    # Sleeves and straps fainter than the ground's noise are cut off, so not every picture comes back exactly.
    assert np.median(errors) < 14
