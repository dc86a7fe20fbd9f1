"""Archives as Bandcamp sends them, in every shape that a client may have to unpack."""

import io
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ZipStyle:
    """How the archive is written. The default is what the published clients describe."""

    #: entries lie in a folder `Artist - Album/` and not at the root.
    folder: bool = False
    #: `stored` or `deflated`.
    method: str = "stored"
    #: sizes and checksums follow the data, as from a server that writes while it reads. A stored
    #: entry of that kind cannot be unpacked while it streams: nothing tells where it ends.
    descriptor: bool = False
    #: booklets and films are put in where the release has them.
    extras: bool = True

    def __post_init__(self) -> None:
        if self.method not in ("stored", "deflated"):
            raise ValueError("method is 'stored' or 'deflated'")


class _OneWay(io.RawIOBase):
    """A target that cannot go back, which makes `zipfile` write data descriptors."""

    def __init__(self) -> None:
        super().__init__()
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data)  # type: ignore[arg-type]
        self.data += view
        return view.nbytes


def entry_part(text: str) -> str:
    """A name as it appears in an archive: a slash arrives as a hyphen, controls do not arrive."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", text.replace("/", "-").replace("\\", "-"))


def build(files: list[tuple[str, bytes]], folder: str, style: ZipStyle, when: datetime) -> bytes:
    """A zip of (name, bytes) pairs; the same call gives the same bytes."""
    moment = (max(1980, min(2107, when.year)), when.month, when.day, 12, 0, 0)
    one_way, memory = _OneWay(), io.BytesIO()
    method = zipfile.ZIP_STORED if style.method == "stored" else zipfile.ZIP_DEFLATED
    target: io.RawIOBase | io.BytesIO = one_way if style.descriptor else memory
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files:
            info = zipfile.ZipInfo(f"{folder}/{name}" if style.folder else name, moment)
            info.compress_type = method
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    return bytes(one_way.data) if style.descriptor else memory.getvalue()


def entry_data(archive: bytes, suffix: str) -> tuple[int, int]:
    """Offset and length of the stored bytes of the largest entry whose name ends in `suffix`."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        found = [info for info in opened.infolist() if info.filename.endswith(suffix)]
        info = max(found, key=lambda entry: entry.compress_size)
    head = info.header_offset
    name, extra = (int.from_bytes(archive[head + at : head + at + 2], "little") for at in (26, 28))
    return head + 30 + name + extra, info.compress_size
