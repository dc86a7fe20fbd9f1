"""What kind of file some first bytes begin. Pure.

Bandcamp sends an album as an archive, a track as bare audio, and trouble as a web page, whatever name was
asked for: only the bytes tell.
"""

from bandcamp_sync.library.mp3_frames import frame_bytes, id3_bytes

AUDIO_EXTENSIONS = frozenset({"aiff", "flac", "m4a", "mp3", "ogg", "wav"})

_OTHER_SPELLINGS = frozenset({"aif", "aifc", "alac", "oga", "opus", "wave"})


def sniff(head: bytes) -> str | None:
    """`flac`, `mp3`, `ogg`, `wav`, `aiff`, `m4a` or `zip`; None for anything else (a web page, noise).

    `head` is the start of the file: 12 bytes suffice, but for a FLAC behind an ID3 tag.
    """
    if head.startswith(b"ID3"):
        behind = head[id3_bytes(head) or len(head) :]
        return "flac" if behind.startswith(b"fLaC") else "mp3"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"OggS"):
        return "ogg"
    return _sniff_chunked(head) or ("mp3" if frame_bytes(head[:4]) else None)


def is_audio(name: str) -> bool:
    """Whether a file's name ends as audio's do."""
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    return extension in AUDIO_EXTENSIONS or extension in _OTHER_SPELLINGS


def _sniff_chunked(head: bytes) -> str | None:
    kind = head[8:12]
    if head[:4] in (b"RIFF", b"RF64") and kind == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and kind in (b"AIFF", b"AIFC"):
        return "aiff"
    return "m4a" if head[4:8] == b"ftyp" else None
