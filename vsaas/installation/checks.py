"""The findings as Django's system checks: tag `installation`, with `--deploy` alone, since they ask databases and network."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

from vsaas.installation.finding import Grade
from vsaas.installation.report import of_installation

KINDS = {Grade.WEAK: Warning, Grade.BAD: Error}


@register("installation", deploy=True)
def check_installation(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """What is weak as a warning, what is bad as an error, with the remedy as its hint."""
    return [
        KINDS[finding.grade](
            f"{chapter.title}: {finding.what}: {finding.found}",
            hint=str(finding.remedy),
            id=f"installation.{finding.key}",
        )
        for chapter in of_installation()
        for finding in chapter.findings
        if finding.grade in KINDS
    ]
