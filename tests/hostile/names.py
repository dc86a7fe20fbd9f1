"""Names that would steer a terminal, turn the direction of text, or hide in it."""

import re

from standin import World

_LONE = "\udc9b"
#: Each has a sequence that none of our own lines has.
HARMFUL = (
    "Red \x1b[5;41mAlert",
    "Title \x1b]0;owned\x07 Setter",
    "Link \x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "Wipe \x1b[2J\x1b[H",
    "Ask \x1b[6n\x05",
    "C1 \x9b31;5m CSI \x9d0;owned\x9c",
    "Bell\x07 and Back\x08\x08\x08Space",
    "Del\x7fete",
    "Over\rwritten",
    "Two\nLines\u2028Three\u2029Four\x85Five",
    "\u202egnp.exe\u202c turned",
    "iso\u2067lated\u2066\u2068\u2069",
    "\u202a\u202b\u202dembedded",
    "zero\u200bwidth\u200c\u200d\ufeff\u2060",
    "tag\U000e0041\U000e0042\U000e007f",
    "mark\u200e\u200f\u061c",
    "unassigned\u0378\U000e0fff\uffff\ufdd0",
    "private\ue000\uf03a\U000f0000",
    "filler\u3164\u115f\u034f\u00ad",
    "z\u0335\u0316\u0317a\u0300\u0301\u0302\u0303lgo" * 9,
    "NUL\x00 SOH\x01 SUB\x1a",
)
#: What may reach neither a terminal nor a name on disk.
_STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
#: What the progress bars draw with: colours, the cursor, and the line's beginning.
_DRAWN = re.compile(r"\x1b\[(?:\?25[lh]|2K|\d*A|(?!5;41)[\d;]*m)|\r")


def renamed(world: World) -> World:
    """The same world, with harmful names for bands, albums and tracks."""
    for number, purchase in enumerate(world.purchases):
        name = HARMFUL[number % len(HARMFUL)]
        assert purchase.release is not None
        purchase.band_name, purchase.title = f"{name} {number}", f"{number} {name}"
        purchase.release.artist, purchase.release.title = purchase.band_name, purchase.title
        for track in purchase.release.tracks:
            track.artist, track.title = purchase.band_name, f"{track.title} {name}"
    return world


def steering_in(text: str, terminal: bool = False) -> list[str]:
    """What would steer a terminal in a text, each with what stands around it."""
    shown = _DRAWN.sub("", text) if terminal else text
    return [repr(shown[max(0, m.start() - 30) : m.end() + 20]) for m in _STEERING.finditer(shown)]


#: A half of a pair alone is legal in JSON and in nothing else.
LONE = f"half {_LONE} pair"
