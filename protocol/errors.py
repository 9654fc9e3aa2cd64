"""Errors of messages between agent, cloud and browser."""

from __future__ import annotations


class ProtocolError(Exception):
    """A message is malformed, too large or not properly signed.

    `name` is a stable identifier (kebab-case) that goes over the wire; the text is for people.
    """

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail
