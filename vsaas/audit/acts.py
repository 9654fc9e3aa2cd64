"""The names of what is audited, each with the sentence people read.

Apps declare theirs in a module `acts` of their own:

    CAMERA_WATCHED = declare("camera.watched", "{actor} watched {object}, {from} to {to}")

`{actor}` and `{object}` are filled from the entry, everything else from its details; an entry that lacks one is refused
when it is recorded, not when somebody reads it.
"""

from __future__ import annotations

import string
from dataclasses import dataclass

_CATALOGUE: dict[str, Act] = {}


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is audited, by name, `object.done`."""

    name: str
    sentence: str

    @property
    def fields(self) -> frozenset[str]:
        """The details its sentence needs."""
        names = {name for _, name, _, _ in string.Formatter().parse(self.sentence) if name}
        return frozenset(names - {"actor", "object"})

    def __str__(self) -> str:
        return self.name


def declare(name: str, sentence: str) -> Act:
    """Declare an act once; a second declaration of the name raises LookupError."""
    if name in _CATALOGUE:
        raise LookupError(f"the act {name!r} is declared twice")
    _CATALOGUE[name] = Act(name, sentence)
    return _CATALOGUE[name]


def act(name: str) -> Act:
    """The declared act of this name; LookupError for any other."""
    try:
        return _CATALOGUE[name]
    except KeyError:
        raise LookupError(f"no act is called {name!r}") from None


def sentence_of(name: str, actor: str, obj: str, details: dict[str, object]) -> str:
    """The sentence of an entry. An act that an older release declared is shown by its name."""
    known = _CATALOGUE.get(name)
    if known is None:
        return f"{actor}: {name} {obj}".rstrip()
    values = {name: details.get(name, "…") for name in known.fields}
    return known.sentence.format_map(values | {"actor": actor or "somebody", "object": obj or "something"})


def all_acts() -> list[Act]:
    """Every declared act, by name."""
    return sorted(_CATALOGUE.values(), key=lambda one: one.name)


def outline(one: Act) -> str:
    """A sentence without what fills it: "… signed in with …"."""
    names = {name: "…" for _, name, _, _ in string.Formatter().parse(one.sentence) if name}
    return one.sentence.format_map(names)


def names_saying(word: str) -> list[str]:
    """The acts whose name or sentence, apart from what fills it, holds the word."""
    wanted = word.casefold()
    return [
        one.name for one in _CATALOGUE.values() if wanted in one.name or wanted in outline(one).casefold()
    ]


REFUSED = declare("access.refused", "{actor} was refused {method} {path}: {reason}")
EXPORTED = declare("audit.exported", "{actor} downloaded {count} entries of the audit log: {range}")
