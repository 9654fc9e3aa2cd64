"""Errors as sentences on a page."""

from __future__ import annotations

from vsaas.common.errors import InvalidField, VsaasError


def sentence(error: VsaasError) -> str:
    """What the error says, with a capital and a full stop; without the name of the field, beside which it stands."""
    text = error.message if isinstance(error, InvalidField) else str(error.detail or error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
