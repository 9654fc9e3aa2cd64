"""Texts for people, and the same texts where no person's language counts: what is stored and what is logged is English."""

from __future__ import annotations

from django.utils import translation
from django.utils.functional import Promise, lazy

Text = str | Promise
"""A text, or a message that becomes one in the language of whoever reads it (gettext_lazy)."""

ENGLISH = "en"


def _filled(message: Text, **values: object) -> str:
    return str(message) % values


filled = lazy(_filled, str)
"""A message with its places filled, for code that runs at import: it becomes a text in the language of whoever reads it."""


def in_english(text: object) -> str:
    """The text as it is stored and logged, whoever asks."""
    with translation.override(ENGLISH):
        return str(text)
