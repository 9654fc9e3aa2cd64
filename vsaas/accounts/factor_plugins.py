"""Second factors whose codes are sent by somebody else's service, a text message or a call for example: plug-ins.

`VSAAS_FACTOR_PLUGINS` names their classes ("sms_gateway.HttpSms, voice.Caller"); each is made once, when the portal and the
worker start. docs/factors.md says how to write one, with a whole example.
"""

from __future__ import annotations

import importlib
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

from django.core.exceptions import ImproperlyConfigured

SETTING: Final = "VSAAS_FACTOR_PLUGINS"
NAMES_TAKEN: Final = frozenset({"app", "passkey", "email-code"})
_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


class NotDelivered(Exception):
    """The service did not take a code. Its text is shown in the audit log: it names the cause, and neither code nor number."""


@dataclass(frozen=True, slots=True)
class Sending:
    """One code on its way: `text` is the whole message in the language of the person, `code` its digits alone, for a voice
    that reads them out."""

    number: str
    code: str
    text: str
    language: str


class FactorPlugin(ABC):
    """A way of sending codes to telephone numbers.

    `name`: as the sign-in rules and the API call it, for good. `title`: as people read it. `noun`: what the audit log says
    somebody signed in with, in English. `__init__` takes nothing, reads the plug-in's own settings and raises ValueError or
    OSError, with a sentence, when they are wrong.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    noun: ClassVar[str]

    def number_of(self, typed: str) -> str:
        """The number as it is kept, of what somebody typed: E.164 (+4930123456). Raises ValueError with what to type."""
        number = re.sub(r"[\s()/.-]", "", typed)
        number = "+" + number[2:] if number.startswith("00") else number
        if not _NUMBER.fullmatch(number):
            raise ValueError("write the number with the code of its country, as in +49 30 123456")
        return number

    @abstractmethod
    def send(self, sending: Sending) -> None:
        """Hand one code to the service, within ten seconds or so; raises NotDelivered. Called by the worker, outside any
        transaction, once for each code."""


_plugins: dict[str, FactorPlugin] = {}


def plugins() -> dict[str, FactorPlugin]:
    """Those of this installation, by name."""
    return _plugins


def load(paths: list[str]) -> None:
    """Make the plug-ins of these classes those of this installation. Raises ImproperlyConfigured, saying which is wrong and
    why."""
    made = [_made(path) for path in paths]
    for plugin in made:
        if [one.name for one in made].count(plugin.name) > 1:
            raise _wrong(plugin.name, "two plug-ins have this name")
    _plugins.clear()
    _plugins.update({plugin.name: plugin for plugin in made})


def _wrong(path: str, why: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"cannot start: {SETTING}: {path}: {why} (docs/factors.md says how one is made)"
    )


def _made(path: str) -> FactorPlugin:
    module_name, _dot, class_name = path.rpartition(".")
    if not module_name:
        raise _wrong(path, "write it as module.Class")
    try:
        found = getattr(importlib.import_module(module_name), class_name, None)
    except ImportError as error:
        raise _wrong(path, f"cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, FactorPlugin)):
        raise _wrong(path, "is no class made of vsaas.accounts.factor_plugins.FactorPlugin")
    for named in ("name", "title", "noun"):
        if not isinstance(getattr(found, named, None), str) or not getattr(found, named):
            raise _wrong(path, f"has no {named}")
    if not _NAME.fullmatch(found.name) or found.name in NAMES_TAKEN:
        raise _wrong(
            path,
            f"may not be called {found.name!r}: small letters, digits and dashes, and none of the built-in kinds",
        )
    try:
        return found()
    except (TypeError, ValueError, OSError) as error:  # a method is missing, or a setting of its own is wrong
        raise _wrong(path, str(error)) from error
