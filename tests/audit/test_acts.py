"""What each act holds stands in the docs, and no act is recorded with more than it was declared with."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from vsaas.audit import acts, tables
from vsaas.audit.asked import SORTS
from vsaas.audit.siem.ocsf import activity_of, class_of

VSAAS: Path = settings.BASE_DIR / "vsaas"
RECORDERS = {"record_act", "record_refusal", "record_platform_act"}
NO_DETAILS = {"request", "tenant_id", "platform", None}


@pytest.mark.parametrize("name", list(tables.DOCUMENTS))
def test_the_tables_of_the_docs_are_those_of_the_acts(name):
    text = (settings.BASE_DIR / "docs" / name).read_text()
    assert tables.with_table(text, tables.DOCUMENTS[name]()) == text, "run manage.py audit_tables"


def recorded() -> Iterator[tuple[str, acts.Act, set[str]]]:
    """Where an act is recorded by name: the place, the act, the details given."""
    for path in sorted(VSAAS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or _name(node.func) not in RECORDERS or not node.args:
                continue
            module = importlib.import_module(
                ".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts)
            )
            found = _act(node.args[0], vars(module))
            if found is not None:
                given = {keyword.arg for keyword in node.keywords} - NO_DETAILS
                yield f"{path.name}:{node.lineno}", found, given


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _act(expression: ast.expr, names: dict[str, Any]) -> acts.Act | None:
    """The act an argument names; None for one that is chosen when it runs."""
    if isinstance(expression, ast.Name):
        found = names.get(expression.id)
    elif isinstance(expression, ast.Attribute) and isinstance(expression.value, ast.Name):
        found = getattr(names.get(expression.value.id), expression.attr, None)
    else:
        return None
    return found if isinstance(found, acts.Act) else None


def test_every_detail_that_is_recorded_was_declared():
    found = list(recorded())
    assert len(found) > 40
    more = {place: given - one.fields - one.also for place, one, given in found}
    more = {place: names for place, names in more.items() if names}
    assert not more, f"declare these details (`also`), so that the docs name them: {more}"


def test_every_kind_of_act_has_a_title_in_the_filter():
    kinds = {one.name.partition(".")[0] for one in acts.all_acts()} - {"test"}
    assert kinds <= set(SORTS), "name them in vsaas/audit/asked.py"


def test_acts_are_told_to_a_siem_as_what_they_are():
    told = {one.name: (class_of(one.name).name, activity_of(one.name)[0]) for one in acts.all_acts()}
    for name, expected in {
        "session.signed-in": ("Authentication", "Logon"),
        "session.signed-out": ("Authentication", "Logoff"),
        "session.password-refused": ("Authentication", "Logon"),
        "account.password-changed": ("Account Change", "Password Change"),
        "account.factor-changed": ("Account Change", "MFA Factor Enable"),
        "people.invited": ("Account Change", "Create"),
        "people.removed": ("Account Change", "Delete"),
        "people.access-changed": ("Account Change", "Attach Policy"),
        "keys.released": ("API Activity", "Read"),
        "footage.watched": ("API Activity", "Read"),
        "camera.changed": ("Entity Management", "Update"),
        "camera.deleted": ("Entity Management", "Delete"),
    }.items():
        assert told[name] == expected, name


def test_numbers_of_cameras_are_said_as_people_say_them():
    for count, words in (("1", "1 camera"), (3, "3 cameras"), ("…", "…")):
        said = acts.sentence_of("site.signed-off", "Alice", "Gate", {"count": count})
        assert said == f"Alice signed off {words} of the site Gate"
    said = acts.sentence_of("camera.checked", "Alice", "Door", {"point": "aimed"})
    assert said == "Alice confirmed “aimed” on the checklist of Door"
