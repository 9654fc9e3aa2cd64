"""Texts for people, and the same texts where no person's language counts: what is stored and what is logged is English."""

from __future__ import annotations

from django.utils import translation
from django.utils.functional import Promise

Text = str | Promise
"""A text, or a message that becomes one in the language of whoever reads it (gettext_lazy)."""

ENGLISH = "en"


def in_english(text: object) -> str:
    """The text as it is stored and logged, whoever asks."""
    with translation.override(ENGLISH):
        return str(text)
