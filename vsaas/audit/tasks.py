"""Periodic work of the audit log."""

from __future__ import annotations

from vsaas.audit import sequencer
from vsaas.common.tasks import platform_task


@platform_task("moves the audit events of every tenant into its chained log", every_s=1.0)
def sequence_audit() -> None:
    """Each second."""
    sequencer.sequence_all()
