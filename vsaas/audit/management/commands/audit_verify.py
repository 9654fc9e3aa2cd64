"""`manage.py audit_verify`: check every audit log, entry by entry, against itself and against what was signed."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from tenants.lookups import tenant_by_slug, tenants_for_task
from tenants.scope import platform_scope, tenant_scope
from vsaas.audit import chain, proof, sequencer
from vsaas.audit.checkpoints import HistoryChanged, Log, Verified, log_of, verify_log
from vsaas.audit.signer import AuditKeyError, Signer, signer


class Command(BaseCommand):
    """Exit code 0 only when every log holds."""

    help = (
        "Checks that no entry of the audit logs was changed, removed (at the end too) or swapped, and that every "
        "checkpoint is signed; or, with --export, that a JSON export holds."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="slug of one tenant (default: every tenant and the platform)")
        parser.add_argument("--json", action="store_true", help="one JSON object per log")
        parser.add_argument("--export", type=Path, metavar="FILE", help="check this JSON export instead")
        parser.add_argument(
            "--key",
            type=_key,
            action="append",
            default=[],
            help="a public key whose signatures count besides that of VSAAS_AUDIT_KEY; may be repeated",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._check(options)
        except AuditKeyError as error:
            raise CommandError(str(error)) from error

    def _check(self, options: dict[str, Any]) -> None:
        key = signer()
        public_keys = [*options["key"], *([key.public_key] if key else [])]
        if options["export"] is not None:
            self._export(options["export"], public_keys)
            return
        self._sequence()
        found = list(self._logs(options["tenant"], public_keys, key))
        for name, verified in found:
            self.stdout.write(self._json(name, verified) if options["json"] else self._line(name, verified))
        if not public_keys:
            self.stderr.write("signatures were not checked: give --key, or set VSAAS_AUDIT_KEY")
        if any(verified.verdict.broken_at is not None for _name, verified in found):
            sys.exit(1)

    def _sequence(self) -> None:
        """What waits in the inboxes is chained first; a log that cannot be signed any more is what the check is for."""
        try:
            sequencer.sequence_all()
        except HistoryChanged as error:
            self.stderr.write(str(error))

    def _logs(
        self, slug: str | None, public_keys: list[bytes], key: Signer | None
    ) -> Iterator[tuple[str, Verified]]:
        for tenant_id in [self._tenant(slug)] if slug else tenants_for_task("audit_verify"):
            with tenant_scope(tenant_id):
                yield str(tenant_id), self._verify(log_of(tenant_id), public_keys, key)
        if not slug:
            with platform_scope("audit"):
                yield "platform", self._verify(log_of(chain.PLATFORM), public_keys, key)

    def _tenant(self, slug: str) -> UUID:
        found = tenant_by_slug(slug)
        if found is None:
            raise CommandError(
                f"no tenant is called {slug!r}; its slug is what stands behind /t/ in the address"
            )
        return found.id

    def _verify(self, log: Log, public_keys: list[bytes], key: Signer | None) -> Verified:
        return verify_log(log, public_keys, key.tip(log.id) if key else None)

    def _export(self, path: Path, public_keys: list[bytes]) -> None:
        if not public_keys:
            raise CommandError("give --key, the public key the audit page shows")
        try:
            report = proof.check_file(path, *public_keys)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"cannot read {path}: {error}") from error
        self.stdout.write(proof.verdict_of(report))
        if report.wrong or report.covered < report.entries:
            sys.exit(1)

    def _line(self, name: str, found: Verified) -> str:
        verdict = found.verdict
        if verdict.broken_at is not None:
            return f"{name}: BROKEN at entry {verdict.broken_at}: {verdict.reason}"
        pruned = f", {found.first_seq} before them were pruned" if found.first_seq else ""
        signed = f", the first {found.signed} signed in {found.checkpoints} checkpoints"
        return f"{name}: {verdict.entries} entries hold, head {verdict.head.hex()[:16]}{pruned}{signed}"

    def _json(self, name: str, found: Verified) -> str:
        verdict = found.verdict
        return json.dumps(
            {
                "log": name,
                "holds": verdict.broken_at is None,
                "entries": verdict.entries,
                "head": verdict.head.hex(),
                "first_seq": found.first_seq,
                "signed": found.signed,
                "checkpoints": found.checkpoints,
                "broken_at": verdict.broken_at,
                "reason": verdict.reason,
            }
        )


def _key(text: str) -> bytes:
    try:
        return proof.key_of_text(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
