"""What can go wrong with a message."""

from __future__ import annotations

from vsaas.common.errors import VsaasError


class NotSent(VsaasError):
    """The message was not handed over. `for_good`: trying again would not help; `error` is kept and shown to owners."""

    problem = "mail-not-sent"

    def __init__(self, error: str, *, for_good: bool) -> None:
        super().__init__(error)
        self.error = error
        self.for_good = for_good
