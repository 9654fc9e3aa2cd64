"""Working as the owner of the tables, in the few commands that must (migrations)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.conf import settings
from django.db import connections

from vsaas.settings.env import parse_database_url


@contextlib.contextmanager
def as_owner() -> Iterator[None]:
    """Inside the block, `default` and `keys` connect as the owner role, where its addresses are in the environment."""
    env = settings.ENV
    if env.owner_database_url is None or env.owner_keys_database_url is None:
        yield
        return
    owner = {"default": env.owner_database_url, "keys": env.owner_keys_database_url}
    before = {alias: dict(connections[alias].settings_dict) for alias in owner}
    try:
        for alias, url in owner.items():
            _use(alias, parse_database_url(url.get_secret_value()))
        yield
    finally:
        for alias, values in before.items():
            _use(alias, values)


def _use(alias: str, values: dict[str, object]) -> None:
    connection = connections[alias]
    connection.close()
    connection.close_pool()
    connection.settings_dict.update(values)
