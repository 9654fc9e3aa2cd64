"""Pages as people read them."""

from __future__ import annotations

import html
import re

from django.http import HttpResponse


def text(reply: HttpResponse) -> str:
    """What is read, without tags and with single blanks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", reply.content.decode())).split())
