"""Album covers: geometric pictures drawn from a number, as JPEG.

A picture is painted as runs of one colour, a row at a time, because a loop over a million pixels
would cost seconds. It is drawn large and scaled down, which smooths its edges.
"""

import io
import math
import random
from collections.abc import Callable
from functools import lru_cache

import av
from av.video.stream import VideoStream

from standin.tones import cache_folder, store

DRAWN = 1200
#: Bandcamp's size suffixes that a client may ask for, in pixels.
SIZES = {"0": 1200, "10": 1200, "16": 700, "5": 700, "2": 350, "9": 210, "3": 100}

#: Dark, pale, warm, middle and deep shades that were picked by eye.
_PALETTES = (
    "1b1b3a fff1d0 f26430 6761a8 2a6f97",
    "14213d fdf0d5 fca311 669bbc 003049",
    "22223b f2e9e4 e07a5f 81b29a 3d5a80",
    "10302b f4f1de e9c46a 2a9d8f 264653",
    "2b1b2f ffe5d9 ff8fa3 b56576 6d597a",
    "0b132b f7f7ff ff6b6b 5bc0be 3a506b",
    "2d1e12 fff8e7 e76f51 f4a261 8d5b4c",
    "1a1423 edf6f9 ffb5a7 83c5be 006d77",
    "0d1f22 faf3dd ffa69e 8fb996 35635b",
    "231942 ffeedd f78764 9f86c0 5e548e",
)

Colour = tuple[int, int, int]
Run = tuple[int, int, Colour]  # from, to, colour; later runs lie on top
Painter = Callable[[int], list[Run]]


@lru_cache(maxsize=64)
def cover(art_id: int, size: str = "10") -> bytes:
    """The JPEG of one picture in one of `SIZES`; an unknown size is a KeyError."""
    pixels = SIZES[size]
    path = cache_folder() / f"art-v4-{art_id}-{pixels}.jpg"
    if not path.exists():
        store(path, _jpeg(_paint(art_id), pixels))
    return path.read_bytes()


def _palette(dice: random.Random) -> list[Colour]:
    """Five colours that go together: a dark ground, a pale light, and three between."""
    chosen = dice.choice(_PALETTES).split()
    return [(int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)) for code in chosen]


def _mix(one: Colour, two: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, two, strict=True))
    return red, green, blue


def _disc(row: int, x: int, y: int, radius: int, colour: Colour) -> list[Run]:
    half = math.isqrt(max(0, radius * radius - (row - y) ** 2))
    return [(x - half, x + half, colour)] if half else []


def _sunset(dice: random.Random, palette: list[Colour]) -> Painter:
    dark, pale, warm, middle, deep = palette
    x, radius = dice.randrange(400, 800), dice.randrange(220, 330)
    horizon = dice.randrange(640, 780)

    def row(y: int) -> list[Run]:
        if y < horizon:
            return [
                (0, DRAWN, _mix(deep, warm, y / horizon)),
                *_disc(y, x, horizon - 60, radius, pale),
            ]
        depth = (y - horizon) / (DRAWN - horizon)
        runs: list[Run] = [(0, DRAWN, _mix(middle, dark, depth))]
        if (y - horizon) // 22 % 2 == 0:
            half = int(radius * (1 - depth * 0.8))
            runs.append((x - half, x + half, _mix(pale, warm, depth)))
        return runs

    return row


def _rings(dice: random.Random, palette: list[Colour]) -> Painter:
    x, y, count = dice.randrange(350, 850), dice.randrange(350, 850), dice.randrange(7, 12)

    def row(line: int) -> list[Run]:
        runs: list[Run] = [(0, DRAWN, palette[0])]
        for ring in range(count, 0, -1):
            runs += _disc(line, x, y, ring * 62, palette[ring % 4 + 1 if ring % 5 else 0])
        return runs

    return row


def _mountains(dice: random.Random, palette: list[Colour]) -> Painter:
    dark, pale, warm, middle, deep = palette
    ridges = [
        (dice.randrange(150, 1050), 380 + 170 * level, shade)
        for level, shade in enumerate((middle, deep, _mix(deep, dark, 0.5), dark))
    ]
    moon = dice.randrange(200, 1000)

    def row(y: int) -> list[Run]:
        runs: list[Run] = [(0, DRAWN, _mix(warm, pale, y / DRAWN)), *_disc(y, moon, 260, 110, pale)]
        for x, top, shade in ridges:
            if y > top:
                runs.append((x - int((y - top) * 1.4), x + int((y - top) * 1.7), shade))
        return runs

    return row


def _tiles(dice: random.Random, palette: list[Colour]) -> Painter:
    cells = 4
    side = DRAWN // cells
    plan = [[(dice.randrange(4), dice.sample(palette, 2)) for _ in range(cells)] for _ in range(cells)]

    def row(y: int) -> list[Run]:
        runs: list[Run] = []
        for column, (corner, (ground, shape)) in enumerate(plan[min(y // side, cells - 1)]):
            left, inside = column * side, y % side
            runs.append((left, left + side, ground))
            height = inside if corner < 2 else side - inside
            half = math.isqrt(max(0, side * side - height * height))
            start = left if corner % 2 == 0 else left + side - half
            runs.append((start, start + half, shape))
        return runs

    return row


def _bars(dice: random.Random, palette: list[Colour]) -> Painter:
    bars = [(dice.randrange(120, 700), dice.choice(palette[1:])) for _ in range(15)]

    def row(y: int) -> list[Run]:
        runs: list[Run] = [(0, DRAWN, palette[0])]
        for index, (height, colour) in enumerate(bars):
            if abs(y - DRAWN // 2) < height // 2 + 60:
                runs.append((75 + index * 70, 75 + index * 70 + 42, colour))
        return runs

    return row


def _paint(art_id: int) -> bytes:
    dice = random.Random(art_id * 7919)
    palette = _palette(dice)
    design = (_sunset, _rings, _mountains, _tiles, _bars)[art_id % 5]
    painter = design(dice, palette)
    picture = bytearray()
    for y in range(DRAWN):
        line = bytearray(DRAWN * 3)
        for start, end, colour in painter(y):
            left, right = max(0, start), min(DRAWN, end)
            if left < right:
                line[left * 3 : right * 3] = bytes(colour) * (right - left)
        picture += line
    return bytes(picture)


def _jpeg(pixels: bytes, size: int) -> bytes:
    frame = av.VideoFrame(DRAWN, DRAWN, "rgb24")
    plane, width = frame.planes[0], DRAWN * 3
    if plane.line_size == width:
        plane.update(pixels)
    else:  # rows are padded to the processor's liking
        gap = bytes(plane.line_size - width)
        plane.update(b"".join(pixels[at : at + width] + gap for at in range(0, len(pixels), width)))
    target = io.BytesIO()
    options = {"fflags": "+bitexact"}
    with av.open(target, "w", format="image2pipe", options=options) as output:
        stream = output.add_stream("mjpeg", rate=1, options={"flags": "+bitexact"})
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = size
        stream.pix_fmt = "yuvj420p"
        stream.codec_context.qmin = stream.codec_context.qmax = 3
        output.mux(stream.encode(frame.reformat(size, size, "yuvj420p", interpolation="AREA")))
        output.mux(stream.encode(None))
    return target.getvalue()
