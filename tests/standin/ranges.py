"""Range requests, as RFC 9110 has them, for one range at a time."""

import re


def asked_range(header: str, size: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of the part asked for, or None for the whole.

    A header that is no single byte range is ignored, as a server may. A range beyond the end is
    a ValueError: 416.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header.strip())
    if not match or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        wanted = int(last)
        if wanted == 0 or size == 0:
            raise ValueError("an empty suffix")
        return max(0, size - wanted), size
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise ValueError("beyond the end")
    return start, min(size, int(last) + 1) if last else size
