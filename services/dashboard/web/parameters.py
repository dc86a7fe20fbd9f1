"""What may stand behind the question mark of an address: checked, and described, by one and the same value."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

#: So many names nobody adds to an address by accident.
_MOST = 50


@dataclass(frozen=True)
class Parameter:
    """A text of at most `most` characters. One that is empty counts as left out, which most may be."""

    name: str
    about: str
    most: int = 200
    is_required: bool = False

    def schema(self) -> dict[str, Any]:
        """As JSON Schema says it."""
        return {"type": "string", "maxLength": self.most, **({"minLength": 1} if self.is_required else {})}

    def may_be(self) -> str:
        """The same in words."""
        return f"a text of at most {self.most} characters"

    def takes(self, text: str) -> bool:
        """Whether `text` is such a value."""
        return len(text) <= self.most


@dataclass(frozen=True)
class Whole(Parameter):
    """A number in plain digits, from `least` to `most`."""

    least: int = 1
    usual: int | None = None

    def schema(self) -> dict[str, Any]:
        """As JSON Schema says it."""
        usual = {} if self.usual is None else {"default": self.usual}
        return {"type": "integer", "minimum": self.least, "maximum": self.most, **usual}

    def may_be(self) -> str:
        """The same in words."""
        return f"a number from {self.least} to {self.most}"

    def takes(self, text: str) -> bool:
        """Whether `text` is such a value."""
        # int() also takes underscores, signs, spaces and the digits of every script.
        is_plain = text.isascii() and text.isdecimal() and len(text) <= 9
        return is_plain and self.least <= int(text) <= self.most


@dataclass(frozen=True)
class Word(Parameter):
    """One of `words`."""

    words: tuple[str, ...] = ()
    usual: str | None = None

    def schema(self) -> dict[str, Any]:
        """As JSON Schema says it."""
        usual = {} if self.usual is None else {"default": self.usual}
        return {"type": "string", "enum": list(self.words), **usual}

    def may_be(self) -> str:
        """The same in words."""
        return f"one of {', '.join(self.words)}"

    def takes(self, text: str) -> bool:
        """Whether `text` is such a value."""
        return text in self.words


@dataclass(frozen=True)
class Words(Word):
    """Any of `words`, with commas between them."""

    def schema(self) -> dict[str, Any]:
        """As JSON Schema says it."""
        return {"type": "array", "items": super().schema(), "maxItems": self.most}

    def may_be(self) -> str:
        """The same in words."""
        return f"any of {', '.join(self.words)}, with commas between them"

    def takes(self, text: str) -> bool:
        """Whether `text` is such a value."""
        named = [name for name in text.split(",") if name]
        return len(named) <= self.most and all(super(Words, self).takes(name) for name in named)


def wrong(parameters: Iterable[Parameter], given: "MultiDict[str, str]") -> str | None:
    """What is wrong with the parameters of an address, in a sentence; None when nothing is.

    Names that are not known here change nothing: clients add some of their own, against caches.
    """
    if len(given) > _MOST:
        return f"there are more than {_MOST} parameters"
    known = {parameter.name: parameter for parameter in parameters}
    for name, values in given.lists():
        parameter = known.get(name)
        if parameter is None:
            continue
        if len(values) > 1 and not isinstance(parameter, Words):
            return f"{name} is given more than once"
        if not all(parameter.takes(text) for text in values if text):
            return f"{name} is {parameter.may_be()}"
    missing = next((p for p in known.values() if p.is_required and not given.get(p.name)), None)
    return None if missing is None else f"{missing.name} must be given: {missing.about}"
