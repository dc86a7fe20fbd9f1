"""What the bytes of a picture say of it: which kind it is, and how large it would be on the screen. Pure."""

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"

#: Markers that begin a frame, and so tell its size: C0 to CF, but for the tables DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
#: A real header has a dozen segments; one that has thousands wants to be looked at for long.
_MOST_SEGMENTS = 4096


def picture_size(content: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels as a JPEG's or PNG's header announces it; None when it is neither, or says none."""
    if content.startswith(PNG):
        width, height = int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
        return (width, height) if content[12:16] == b"IHDR" and width and height else None
    return _jpeg_size(content) if content.startswith(JPEG) else None


def is_whole_jpeg(content: bytes) -> bool:
    """Whether it is a JPEG with a readable header that ends as one does."""
    return content.startswith(JPEG) and b"\xff\xd9" in content[-64:] and _jpeg_size(content) is not None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 4 > len(content) or content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker in _FRAMES:
            height, width = (int.from_bytes(content[n : n + 2], "big") for n in (at + 5, at + 7))
            return (width, height) if at + 9 <= len(content) and width and height else None
        if marker in (0xD9, 0xDA):
            return None  # the end, or data, before any frame
        if marker == 0xFF:
            at += 1  # a fill byte
        elif marker in _WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None
