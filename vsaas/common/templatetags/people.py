"""`{% load people %}{{ actor.name|initials }}`"""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def initials(name: str) -> str:
    """The first letters of the first and the last word of a name, at most two; "" where a name has no letters."""
    letters = [word[0] for word in name.split() if word[0].isalnum()]
    return "".join(dict.fromkeys((letters[0], letters[-1]))).upper() if letters else ""
