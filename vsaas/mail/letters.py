"""What a message says, and the kinds of message there are.

An app declares its kinds in a module `letters` of its own:

    @letter("invitation", _("Invitation"))
    def invitation(about: About, to: str) -> Letter | None: …

The writer runs when the message is sent, inside the tenant's scope and in the recipient's language. It may answer None:
there is nothing to say, and nobody is written to. So what a request does is the same whether an account exists or not, and
a link is made only when it goes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tenants.words import Text

About = dict[str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """One message: its paragraphs, one button at most (label, address), and paragraphs behind it.

    `language`: of the recipient, where their account says so."""

    subject: str
    lines: tuple[str, ...]
    button: tuple[str, str] | None = None
    after: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For keeping it."""
        return asdict(self)

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> Letter:
        """What `as_json` made."""
        button = kept["button"]
        return cls(
            kept["subject"],
            tuple(kept["lines"]),
            (button[0], button[1]) if button else None,
            tuple(kept["after"]),
        )


Writer = Callable[[About, str], Letter | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message: its name, what owners read of it, how long it is worth sending, and who writes it."""

    name: str
    title: Text
    hours: int
    write: Writer


_KINDS: dict[str, Kind] = {}


def letter(name: str, title: Text, *, hours: int = 24) -> Callable[[Writer], Kind]:
    """Declare a kind of message; a second declaration of the name raises LookupError. `hours`: given up after these."""

    def declare(write: Writer) -> Kind:
        if name in _KINDS:
            raise LookupError(f"the message {name!r} is declared twice")
        _KINDS[name] = Kind(name, title, hours, write)
        return _KINDS[name]

    return declare


def kind_of(name: str) -> Kind:
    """The declared kind; LookupError for any other."""
    try:
        return _KINDS[name]
    except KeyError:
        raise LookupError(f"no message is called {name!r}") from None


def title_of(name: str) -> Text:
    """What owners read; a kind that an older release declared is shown by its name."""
    known = _KINDS.get(name)
    return name if known is None else known.title
