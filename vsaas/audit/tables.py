"""The tables of docs/audit.md and docs/siem.md, made from the acts themselves; a test compares. Made anew with

python manage.py audit_tables
"""

from __future__ import annotations

import re
from pathlib import Path

from django.utils import translation

from tenants.words import ENGLISH
from vsaas.audit import acts
from vsaas.audit.siem.ocsf import activity_of, class_of

BEGIN, END = "<!-- made by manage.py audit_tables -->", "<!-- end -->"


def acts_table() -> str:
    """Every act: its name, its sentence, what its entry holds besides actor, object, network and time."""
    rows = ["| act | sentence | details |", "|---|---|---|"]
    with translation.override(ENGLISH):
        for one in _all():
            holds = ", ".join(f"`{name}`" for name in sorted(one.fields | one.also)) or "–"
            rows.append(f"| `{one.name}` | {one.sentence} | {holds} |")
    return "\n".join(rows)


def ocsf_table() -> str:
    """Every act with the class and activity it is told as."""
    rows = ["| act | class | activity | type_uid |", "|---|---|---|---|"]
    for one in _all():
        kind, (activity, number) = class_of(one.name), activity_of(one.name)
        rows.append(
            f"| `{one.name}` | {kind.name} ({kind.uid}) | {activity} ({number}) | {kind.uid * 100 + number} |"
        )
    return "\n".join(rows)


def _all() -> list[acts.Act]:
    """Tests declare acts of their own."""
    return [one for one in acts.all_acts() if not one.name.startswith("test.")]


DOCUMENTS = {"audit.md": acts_table, "siem.md": ocsf_table}
_TABLE = re.compile(f"{re.escape(BEGIN)}\n.*?\n{re.escape(END)}", re.DOTALL)


def with_table(text: str, table: str) -> str:
    """A document with its table as it is now. Raises ValueError when it has no place for one."""
    made, count = _TABLE.subn(lambda _found: f"{BEGIN}\n{table}\n{END}", text)
    if count != 1:
        raise ValueError(f"the document needs one pair of {BEGIN} and {END}")
    return made


def write(folder: Path) -> list[str]:
    """Bring the documents up to date; the names of those that changed."""
    changed = []
    for name, table in DOCUMENTS.items():
        path = folder / name
        before = path.read_text()
        after = with_table(before, table())
        if after != before:
            path.write_text(after)
            changed.append(name)
    return changed
