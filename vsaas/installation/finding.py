"""What is found out about an installation, and how it is graded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from django.utils.functional import Promise

Text = str | Promise


class Grade(IntEnum):
    """`WEAK`: it holds, and not under everything it may meet. `BAD`: somebody can use it now."""

    GOOD = 0
    WEAK = 1
    BAD = 2

    @property
    def word(self) -> str:
        """As commands and programs write it."""
        return self.name.lower()


@dataclass(frozen=True)
class Finding:
    """`key`: a stable name; `what`: the thing looked at; `found`: how it is; `remedy`: one line, empty where it is good.

    `to_owners`: an organisation's owners may read it: it concerns their connection and names no path, host or role.
    """

    key: str
    what: Text
    grade: Grade
    found: Text
    remedy: Text = ""
    to_owners: bool = False

    def __post_init__(self) -> None:
        if (self.grade is Grade.GOOD) != (not self.remedy):
            raise ValueError(
                f"the finding {self.key!r}: what is not good needs a remedy, and what is good needs none"
            )


def good(key: str, what: Text, found: Text, *, to_owners: bool = False) -> Finding:
    """Nothing to do."""
    return Finding(key, what, Grade.GOOD, found, "", to_owners)


def weak(key: str, what: Text, found: Text, remedy: Text, *, to_owners: bool = False) -> Finding:
    """To be made better."""
    return Finding(key, what, Grade.WEAK, found, remedy, to_owners)


def bad(key: str, what: Text, found: Text, remedy: Text, *, to_owners: bool = False) -> Finding:
    """To be made good before anything else."""
    return Finding(key, what, Grade.BAD, found, remedy, to_owners)


def worst(findings: Iterable[Finding]) -> Grade:
    """The grade of the whole; nothing found is good."""
    return max((finding.grade for finding in findings), default=Grade.GOOD)
