"""Which passwords are good enough."""

from __future__ import annotations

import json
import re

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from zxcvbn import zxcvbn

MIN_CHARS = 12
MAX_CHARS = 128  # zxcvbn's work grows with the square of the length
MIN_SCORE = 3
MIN_CHARS_OF_ITS_OWN = 6


def new_password_input(about: list[str]) -> forms.PasswordInput:
    """The field of a new password, which says while one types what `check_password_strength` will say. Kept when something
    else in the form is wrong: nothing typed is lost by a slip."""
    limits = {
        "least": MIN_CHARS,
        "most": MAX_CHARS,
        "score": MIN_SCORE,
        "own": MIN_CHARS_OF_ITS_OWN,
        "about": about,
    }
    attrs = {"autocomplete": "new-password", "data-strength": json.dumps(limits)}
    return forms.PasswordInput(attrs, render_value=True)


def check_password_strength(password: str, about: list[str]) -> None:
    """Raise ValidationError with plain sentences for a password that is short or easily guessed.

    `about`: words an attacker would try first (name, address, organisation).
    """
    if len(password) < MIN_CHARS:
        raise ValidationError(
            _("Use %(min)d characters or more; this has %(have)d. A few unrelated words work well.")
            % {"min": MIN_CHARS, "have": len(password)}
        )
    if len(password) > MAX_CHARS:
        raise ValidationError(_("Use %(max)d characters at most.") % {"max": MAX_CHARS})
    words = [word for text in about for word in (text, *re.split(r"[^\w]+", text)) if len(word) >= 3]
    if _left_without(words, password) < MIN_CHARS_OF_ITS_OWN:
        raise ValidationError(
            _("This password is easy to guess: it is made of your name, your address or your organisation.")
        )
    result = zxcvbn(password, user_inputs=words, max_length=MAX_CHARS)
    if result["score"] < MIN_SCORE:
        feedback = result["feedback"]
        hints = [
            feedback["warning"].rstrip(".") + "." if feedback["warning"] else "",
            *feedback["suggestions"],
        ]
        raise ValidationError(
            " ".join([_("This password is easy to guess."), *(hint for hint in hints if hint)][:3])
        )


def _left_without(words: list[str], password: str) -> int:
    """How many letters and digits remain when the words are taken out."""
    rest = password.casefold()
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word.casefold(), "")
    return sum(character.isalnum() for character in rest)
