"""A program of its own that decodes one picture it does not trust: bytes in, plain pixels out.

Run as ``python -I -B picture_decoder.py``: a hostile file meets hard limits on memory and time, and whatever it does
to the decoder ends with this process. The answer on standard output is one line of JSON, and after it the pixels;
or the line holds a ``problem`` in words.
"""

import json
import resource
import sys
from io import BytesIO

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_PIXELS = 4_000_000
LONGEST_SIDE = 560  # of what is handed back: twenty times the 28 that it will become
MEMORY = 140 * 2**20  # bytes of address space
SECONDS = 4


def _limit() -> None:
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        if kind == resource.RLIMIT_AS and sys.platform == "darwin":
            continue  # macOS refuses this one; there the limits on pixels and time must do
        resource.setrlimit(kind, (most, most))


def _answer(pixels: bytes = b"", **facts: object) -> None:
    sys.stdout.buffer.write(json.dumps(facts).encode() + b"\n" + pixels)


def _webp_size(content: bytes) -> tuple[int, int]:
    """Width and height by the header; Pillow would make room for all pixels before it tells.

    WebP Container Specification, "Extended File Format"; RFC 6386, 9.1; WebP Lossless Bitstream, 3.
    """
    chunk, head = content[12:16], content[20:30]
    if chunk == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF


def main() -> None:
    """Decode standard input."""
    # Imported before the limits, which are for the picture and not for Python.
    from PIL import Image, ImageOps

    Image.preinit()
    Image.MAX_IMAGE_PIXELS = None  # we have a smaller limit, and a sentence for it
    _limit()
    content = sys.stdin.buffer.read()
    file = None if content[:4] == b"RIFF" else Image.open(BytesIO(content), formats=FORMATS)
    width, height = file.size if file else _webp_size(content)
    if width * height > MOST_PIXELS:
        _answer(problem=f"it has {width:,} x {height:,} pixels, and at most 4 megapixels are accepted")
        return
    file = file or Image.open(BytesIO(content), formats=FORMATS)
    n_frames = getattr(file, "n_frames", 1)
    if file.size != (width, height):
        raise ValueError("its header says another size")
    file.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG can be decoded smaller from the start
    file.load()
    # 16 bits a pixel need to be brought down to 8 first
    picture = file.point(lambda value: value * (1 / 257)).convert("L") if file.mode.startswith("I") else file
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    picture = ImageOps.exif_transpose(picture)
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    _answer(picture.convert("RGB").tobytes(), size=picture.size, n_frames=n_frames)


if __name__ == "__main__":
    try:
        main()
    except MemoryError:
        _answer(problem="decoding it needs more memory than a picture should")
    except Exception as error:  # Pillow fails in many ways on a broken file; each means the same here
        _answer(problem="it is damaged, or not really a picture", detail=f"{type(error).__name__}: {error}"[:200])
