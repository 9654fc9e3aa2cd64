"""What every format says of an entry: the sentence in English, and who speaks."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import translation

from tenants.words import ENGLISH
from vsaas.audit import acts, proof

PRODUCT = "VSaaS"


def sentence_in_english(one: proof.Fields) -> str:
    """The entry's sentence, in English whoever asks."""
    with translation.override(ENGLISH):
        return acts.sentence_of(one.act, one.actor_name, one.object_name, dict(one.details))


@lru_cache(maxsize=1)
def version() -> str:
    """The product's, from the one place it stands in."""
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    return str(project["version"])


@lru_cache(maxsize=4)
def _host(url: str) -> str:
    return urlsplit(url).hostname or "-"


def host() -> str:
    """The portal's name, as people know it."""
    return _host(settings.ENV.public_url)
