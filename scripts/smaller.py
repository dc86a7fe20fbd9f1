"""Makes a picture smaller by giving it 256 colours of its own, with the PyAV that is here for the music."""

from fractions import Fraction
from pathlib import Path

import av
import av.filter


def with_few_colours(path: Path) -> None:
    """Rewrite a PNG with a palette."""
    with av.open(str(path)) as source:
        frame = next(source.decode(video=0))
    graph = av.filter.Graph()
    buffer = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1))
    split = graph.add("split")
    palette = graph.add("palettegen", "max_colors=256:reserve_transparent=0:stats_mode=full")
    use = graph.add("paletteuse", "dither=sierra2_4a")
    sink = graph.add("buffersink")
    buffer.link_to(split)
    split.link_to(palette, 0)
    split.link_to(use, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    frame.pts = 0
    buffer.push(frame)
    buffer.push(None)
    _write(path, sink.pull())


def _write(path: Path, frame: av.VideoFrame) -> None:
    codec = av.CodecContext.create("png", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = frame.width, frame.height, frame.format.name
    codec.time_base = frame.time_base = Fraction(1)
    codec.options = {"compression_level": "9", "pred": "none"}
    path.write_bytes(b"".join(bytes(packet) for packet in [*codec.encode(frame), *codec.encode(None)]))
