"""Names people give to things: any script and emoji, nothing that hides or turns text around."""

from __future__ import annotations

import unicodedata

from django.utils.translation import gettext_lazy as _

CHARS_MAX = 200

# Invisible, and still part of words and pictures: joiners (Persian, emoji families) and marks of direction.
_JOINERS = frozenset("\u200c\u200d\u200e\u200f\u061c")
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SEEN = frozenset("LNPS")


class BadName(ValueError):
    """The text is no name; the message says what it must be."""


def clean_name(text: str) -> str:
    """The name as it is kept: composed (NFC), no blanks around it.

    Raises BadName for an empty or invisible one, for more than CHARS_MAX characters, and for control characters,
    line breaks and marks that turn the direction of the text around them.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not any(unicodedata.category(char)[0] in _SEEN for char in name):
        raise BadName(_("Write a name."))
    if len(name) > CHARS_MAX:
        raise BadName(
            _("The name has %(count)d characters; %(most)d are the most.")
            % {"count": len(name), "most": CHARS_MAX}
        )
    if any(_is_refused(char) for char in name):
        raise BadName(_("The name holds a character that is not shown, such as a line break."))
    return name


def _is_refused(char: str) -> bool:
    if char in _JOINERS or 0xE0020 <= ord(char) <= 0xE007F:  # the latter spell flags such as Scotland's
        return False
    return unicodedata.category(char) in _REFUSED or ord(char) & 0xFFFE == 0xFFFE
