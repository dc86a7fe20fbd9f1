"""Bytes from bytes: small changes such as a broken line, a hostile server or a clumsy editor would make."""

import random
from collections.abc import Sequence

MOST_BYTES = 1 << 16

_WORDS = (
    b"\0",
    b"\xff",
    b"\n",
    b"\r\n",
    b"\t",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"<",
    b">",
    b"&quot;",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e999",
    b"NaN",
    b"99999999999999999999999",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
    b"\x1b[2J",
    b"\xc2\x9b",
    b"\xef\xbb\xbf",
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"../",
    b"[" * 2000,
    b'{"a":' * 1000,
    b"<div " * 500,
    b"=" * 300,
)


def mutated(seed: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    """`seed` after one to six changes; `others` lend pieces of theirs."""
    data = bytearray(seed)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        _change(data, others, dice)
    return bytes(data[:MOST_BYTES])


def _change(data: bytearray, others: Sequence[bytes], dice: random.Random) -> None:
    start = dice.randrange(len(data) + 1)
    end = min(len(data), start + dice.choice((1, 1, 2, 4, 8, 32, 256)))
    match dice.randrange(9):
        case 0:
            for at in range(start, end):
                data[at] ^= 1 << dice.randrange(8)
        case 1:
            data[start:end] = dice.randbytes(end - start)
        case 2:
            del data[start:end]
        case 3:
            data[start:start] = data[start:end] * dice.choice((1, 2, 50))
        case 4:
            data[start:end] = dice.choice(_WORDS)
        case 5:
            data[start:start] = dice.choice(_WORDS)
        case 6:
            del data[start:]
        case 7 if others:
            other = dice.choice(others)
            at = dice.randrange(len(other) + 1)
            data[start:end] = other[at : at + dice.choice((4, 32, 512))]
        case _:
            for at in range(start, min(start + 4, len(data))):
                data[at] = dice.choice(b"\0\1\x7f\x80\xff")
