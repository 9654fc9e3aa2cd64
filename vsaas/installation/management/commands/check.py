"""`manage.py check`: Django's checks of the code, then the installation's grades in a table.

`manage.py check --deploy` has the same findings as messages of Django's check framework (`--tag installation` alone).
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.commands import check
from django.utils import translation

from tenants.words import ENGLISH
from vsaas.installation.finding import Finding, Grade
from vsaas.installation.report import Chapter, of_installation, worst

MARKS = {Grade.GOOD: "good", Grade.WEAK: "WEAK", Grade.BAD: "BAD "}
FAIL_ON = {"never": None, "weak": Grade.WEAK, "bad": Grade.BAD}


class Command(check.Command):
    """The grades follow Django's own checks unless apps, tags or --deploy are named."""

    help = (
        "Checks the code as Django does, then grades the installation: what is good, weak or bad, and the remedy. "
        "Exit status 3 with --fail-on where something is that bad."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--fail-on", choices=FAIL_ON, default="never", help="end with status 3 at this grade"
        )
        parser.add_argument("--json", action="store_true", help="the grades in JSON, and nothing else")

    def handle(self, *app_labels: str, **options: Any) -> None:
        if app_labels or options["tags"] or options["deploy"] or options["list_tags"]:
            super().handle(*app_labels, **options)
            return
        if not options["json"]:
            super().handle(**options)
        with translation.override(ENGLISH):
            chapters = of_installation()
            self.stdout.write(_json(chapters) if options["json"] else _table(chapters))
        limit = FAIL_ON[options["fail_on"]]
        if limit is not None and _grade(chapters) >= limit:
            sys.exit(3)


def _grade(chapters: list[Chapter]) -> Grade:
    return worst(finding for chapter in chapters for finding in chapter.findings)


def _json(chapters: list[Chapter]) -> str:
    rows = [
        {
            "about": chapter.title,
            "key": finding.key,
            "what": str(finding.what),
            "grade": finding.grade.word,
            "found": str(finding.found),
            "remedy": str(finding.remedy) or None,
        }
        for chapter in chapters
        for finding in chapter.findings
    ]
    return json.dumps({"grade": _grade(chapters).word, "findings": rows}, indent=2)


def _table(chapters: list[Chapter]) -> str:
    lines: list[str] = []
    for chapter in chapters:
        lines += ["", chapter.title]
        for finding in sorted(chapter.findings, key=lambda row: -row.grade):
            lines += _lines(finding)
    return "\n".join([*lines, "", f"grade of the whole: {_grade(chapters).word}"])


def _lines(finding: Finding) -> list[str]:
    first = f"  {MARKS[finding.grade]}  {finding.what}: {finding.found}"
    return [first, f"        → {finding.remedy}"] if finding.remedy else [first]
