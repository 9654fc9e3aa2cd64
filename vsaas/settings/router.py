"""Which database a model lives in.

The key store (`keys`) holds the models named in `KEY_STORE_MODELS` and nothing else, so that it can be backed up
apart and briefly: deleting an envelope shreds footage. Migrations run on both databases; an operation without a model
(RunSQL, RunPython) runs on `default` unless its hints say `{"database": "keys"}`.
"""

from __future__ import annotations

from typing import Any

KEY_STORE = "keys"
KEY_STORE_MODELS = frozenset({("keys", "envelope")})  # (app label, model name in lower case)


class KeyStoreRouter:
    """Sends the key store's models to `keys`, everything else to `default`."""

    def _alias(self, model: Any) -> str:
        key = (model._meta.app_label, model._meta.model_name)
        return KEY_STORE if key in KEY_STORE_MODELS else "default"

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return self._alias(model)

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return self._alias(model)

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return self._alias(one) == self._alias(other)

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
        if model_name is not None:
            return db == (KEY_STORE if (app_label, model_name) in KEY_STORE_MODELS else "default")
        return db == hints.get("database", "default")
