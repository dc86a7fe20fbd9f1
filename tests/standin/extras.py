"""What some artists add to an album: a booklet and a film."""

import io
from functools import lru_cache

import av
from av.video.stream import VideoStream


def booklet(title: str) -> bytes:
    """A one-page PDF that any reader opens. Only ASCII of the title is shown."""
    shown = title.encode("ascii", "replace").decode()
    for mark in "\\()":
        shown = shown.replace(mark, "\\" + mark)
    text = f"BT /F1 24 Tf 72 720 Td ({shown}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        data += b"%010d 00000 n \n" % place
    data += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        start,
    )
    return bytes(data)


@lru_cache(maxsize=1)
def film() -> bytes:
    """One second of a fading picture, as MP4."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4", options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream("mpeg4", rate=10)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for index in range(10):
            frame = av.VideoFrame(160, 120, "yuv420p")
            for plane, value in zip(frame.planes, (40 + 20 * index, 110, 150), strict=True):
                plane.update(bytes([value]) * (plane.line_size * plane.height))
            frame.pts = index
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return target.getvalue()
