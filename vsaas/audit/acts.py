"""The names of what is audited, each with the sentence people read.

Apps declare theirs in a module `acts` of their own:

    CAMERA_WATCHED = declare("camera.watched", _("{actor} watched {object}, {from} to {to}"))
    SIGNED_IN = declare("session.signed-in", _("{actor} signed in with {factor}"), factor=one_of(…))

`{actor}` and `{object}` are filled from the entry, everything else from its details; an entry that lacks one is refused
when it is recorded, not when somebody reads it. What is stored is English whoever acted; the sentence is in the reader's
language, and so are the details that are words and no names: `declare` is told how they are spoken. What has parts is
kept as data (JSON, `as_data`) and said in words whoever reads it: `Data(speaker)`.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import get_language, gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from tenants.words import ENGLISH, Text

Speaker = Callable[[str], str]
"""Says a stored detail in the language of the reader."""


@dataclass(frozen=True, slots=True)
class Data:
    """A detail that is kept as JSON (`as_data`). `say` puts it into words, in English too."""

    say: Callable[[Any], str]

    def __call__(self, stored: str) -> str:
        """What does not have the parts `say` expects is said as it is kept: an older release kept words, and another one may
        keep other parts."""
        try:
            return self.say(json.loads(stored))
        except (ValueError, LookupError, TypeError, AttributeError):
            return stored


def as_data(document: Any) -> str:
    """The text in which a detail with parts is kept."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_CATALOGUE: dict[str, Act] = {}
_WATCHING: set[str] = set()


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is audited, by name, `object.done`. `spoken`: how details are said that are words. `also`: details it
    holds that its sentence does not say."""

    name: str
    sentence: Text = field(compare=False)
    spoken: Mapping[str, Speaker] = field(compare=False, default_factory=dict)
    also: frozenset[str] = field(compare=False, default=frozenset())

    @property
    def fields(self) -> frozenset[str]:
        """The details its sentence needs."""
        return frozenset(_names_in(str(self.sentence)) - {"actor", "object"})

    def __str__(self) -> str:
        return self.name


def declare(name: str, sentence: Text, also: Iterable[str] = (), **spoken: Speaker) -> Act:
    """Declare an act once; a second declaration of the name raises LookupError."""
    if name in _CATALOGUE:
        raise LookupError(f"the act {name!r} is declared twice")
    _CATALOGUE[name] = Act(name, sentence, spoken, frozenset(also))
    return _CATALOGUE[name]


def watching(*acts: Act) -> None:
    """These acts are how somebody sees or takes a camera's pictures: together they answer who watched it."""
    _WATCHING.update(one.name for one in acts)


def watching_names() -> list[str]:
    """The names of those acts."""
    return sorted(_WATCHING)


_FILLED = re.compile(r"%\\\((\w+)\\\)s")


def one_of(*words: str) -> Speaker:
    """A detail that is one of these texts (marked with gettext_noop); anything else is a name and stays as it is.

    A text may hold places to fill, as "retention %(days)s days" does: what filled them is found in what is stored.
    """
    forms = [(text, re.compile(_FILLED.sub(r"(?P<\1>.+?)", re.escape(text)), re.DOTALL)) for text in words]

    def speak(stored: str) -> str:
        for text, form in forms:
            found = form.fullmatch(stored)
            if found is not None:
                return gettext(text) % found.groupdict() if found.groupdict() else gettext(text)
        return stored

    return speak


def each_of(*words: str) -> Speaker:
    """A detail that lists such words, with commas between."""
    speak = one_of(*words)
    return lambda stored: ", ".join(map(speak, stored.split(", ")))


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
    values = {name: spoken(known, name, details.get(name, "…")) for name in known.fields}
    people = {"actor": actor or gettext("somebody"), "object": obj or gettext("something")}
    return str(known.sentence).format_map(values | people)


def detail_spoken(name: str, detail: str, stored: object) -> object:
    """A detail of an entry of the act `name`, in the reader's language."""
    known = _CATALOGUE.get(name)
    return stored if known is None else spoken(known, detail, stored)


def spoken(known: Act, name: str, stored: object) -> object:
    """A stored detail in the reader's language."""
    speaker = known.spoken.get(name)
    if isinstance(speaker, Data) and isinstance(stored, str | int):
        return speaker(str(stored))
    if speaker is None or not isinstance(stored, str) or get_language() == ENGLISH:
        return stored
    return speaker(stored)


def all_acts() -> list[Act]:
    """Every declared act, by name."""
    return sorted(_CATALOGUE.values(), key=lambda one: one.name)


def outline(one: Act) -> str:
    """A sentence without what fills it: "… signed in with …"."""
    sentence = str(one.sentence)
    return sentence.format_map(dict.fromkeys(_names_in(sentence), "…"))


def _names_in(sentence: str) -> set[str]:
    return {name for _text, name, _format, _conversion in string.Formatter().parse(sentence) if name}


def names_saying(word: str) -> list[str]:
    """The acts whose name or sentence, apart from what fills it, holds the word, in the reader's language."""
    wanted = word.casefold()
    return [
        one.name for one in _CATALOGUE.values() if wanted in one.name or wanted in outline(one).casefold()
    ]


_RANGE = re.compile(r"(the beginning|\S+) to (now|[^\s,]+)(.*)", re.DOTALL)


def range_spoken(stored: str) -> str:
    """The time and filters of a download, as `export.in_words` keeps them."""
    found = _RANGE.fullmatch(stored)
    if found is None:
        return stored
    ends = one_of(gettext_noop("the beginning"), gettext_noop("now"))
    return gettext("%(begin)s to %(end)s") % {"begin": ends(found[1]), "end": ends(found[2])} + found[3]


REFUSED = declare("access.refused", _("{actor} was refused {method} {path}: {reason}"))
EXPORTED = declare(
    "audit.exported",
    _("{actor} downloaded {count} entries of the audit log: {range}"),
    ["format"],
    range=range_spoken,
)
RETENTION_SET = declare(
    "audit.retention-set",
    _("{actor} set the retention of the audit log to {years} years; before: {before}"),
)
DESTINATION_ADDED = declare(
    "audit.destination-added", _("{actor} has the audit log sent on to {object}: {kind}, {address}")
)
DESTINATION_CHANGED = declare(
    "audit.destination-changed",
    _("{actor} changed where the audit log is sent on to, {object}: {after}; before: {before}"),
)
DESTINATION_REMOVED = declare(
    "audit.destination-removed", _("{actor} has the audit log sent on to {object} no more: {kind}, {address}")
)
DESTINATION_TESTED = declare("audit.destination-tested", _("{actor} sent a test entry to {object}"))
