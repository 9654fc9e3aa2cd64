"""manage.py key_release: the keys of a range, in clear, in a file only its owner reads. Audited, with the reason."""

import json
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.core.management.base import CommandError, CommandParser

from protocol import b64
from sealing.ids import Rendition
from sealing.keys import open_envelope, parse_envelope
from sealing.record import Segment, parse_record
from tenants.access import actor_of, in_force, require, require_in_force
from tenants.errors import VsaasError
from tenants.permissions import FOOTAGE_EXPORT
from tenants.scope import tenant_scope
from tenants.sight import Sight, sight
from vsaas.accounts.models import Account, normalise_email
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.commands import TenantCommand
from vsaas.footage import acts
from vsaas.footage.folder import stored_segments, write_private
from vsaas.footage.management.commands._range import Range, add_range, read_range
from vsaas.footage.times import US, iso
from vsaas.keys.services import Released, ReleaseTo, SegmentKeyRequest, is_held, release_segment_keys

FORMAT = "vsaas-keys-v1"
AT_ONCE = 2000
VALID_S = 600


class Command(TenantCommand):
    help = "Writes the segment keys of a range to a file (0600), for `python -m sealing open`. Who takes it can watch the footage."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_range(parser)
        parser.add_argument("--reason", required=True, help="why; stands in the audit log")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="the account that answers for it")
        parser.add_argument(
            "-o", "--output", type=Path, required=True, metavar="FILE", help="a file that is not there yet"
        )

    def run(self, **options: Any) -> None:
        tenant = self.tenant_id(options)
        wanted = read_range(tenant, options)
        with tenant_scope(tenant):
            if is_held():
                raise CommandError(
                    "this organisation holds its keys itself, and the portal can open none of its footage: only people to "
                    "whom a holder has sealed the camera's keys can, in their browsers; they save what is needed as a clip "
                    "there (docs/customer-held-keys.md)"
                )
        if not options["reason"].strip():
            raise CommandError("--reason: say why the keys are taken out")
        if options["output"].exists():
            raise CommandError(f"{options['output']} is there already: choose another file")
        with tenant_scope(tenant, keys=True):
            account = Account.objects.filter(email=normalise_email(options["by"]), is_active=True).first()
            if account is None:
                raise CommandError(f"no active account of this tenant has the address {options['by']}")
            actor = in_force(actor_of(account), clock.now_us())
            try:
                require_in_force(actor)
                require(actor, FOOTAGE_EXPORT, wanted.camera)
            except VsaasError as error:
                raise CommandError(f"--by {options['by']}: {error}") from None
            seen = sight(actor, wanted.camera, FOOTAGE_EXPORT)
            rows = list(_keys(wanted, account, seen))
            record_act(
                acts.KEYS_HANDED_OUT,
                who(account),
                what(wanted.camera),
                keys=len(rows),
                from_time=iso(wanted.from_us),
                to_time=iso(wanted.to_us),
                reason=options["reason"].strip(),
            )
        document = {"format": FORMAT, "tenant": tenant.hex, "keys": rows}
        try:
            write_private(options["output"], json.dumps(document, indent=1) + "\n")
        except FileExistsError:
            raise CommandError(f"{options['output']} is there already: choose another file") from None
        if seen.limited:
            self.stdout.write(
                f"the hours of {options['by']} limit what was given: keys of segments that do not lie wholly inside "
                "them are left out"
            )
        self.stdout.write(
            f"{len(rows)} keys in {options['output']}; whoever has this file can watch the footage"
        )


def _keys(wanted: Range, account: Account, seen: Sight) -> Iterator[dict[str, str | int]]:
    requests = [
        SegmentKeyRequest(
            camera=record.camera,
            stream=int(record.stream),
            segment=record.segment,
            rendition=int(part.rendition),
            key_id=part.key_id,
            commitment=part.commitment,
            start_us=record.start_us,
            end_us=record.end_us,
            received_us=received_us,
            sight=seen,
        )
        for record, received_us in _segments(wanted)
        for part in record.parts
    ]
    for at in range(0, len(requests), AT_ONCE):
        yield from _released(wanted, requests[at : at + AT_ONCE], account, seen)


def _segments(wanted: Range) -> Iterator[tuple[Segment, int]]:
    """Records, and when they came."""
    for signed, received_us in stored_segments(
        wanted.camera.id, wanted.streams, wanted.from_us, wanted.to_us
    ):
        record = parse_record(signed).record
        assert isinstance(record, Segment)
        yield record, received_us


def _released(
    wanted: Range, requests: Sequence[SegmentKeyRequest], account: Account, seen: Sight
) -> Iterator[dict[str, str | int]]:
    """Through the same gate as the browser: keys are sealed to a key made here for this moment, and opened again."""
    private = X25519PrivateKey.generate()
    to = ReleaseTo(
        public_key=private.public_key().public_bytes_raw(),
        session=secrets.token_bytes(16),
        account=account.id,
        expires_us=seen.until_us(clock.now_us() + VALID_S * US),
    )
    answers = release_segment_keys(wanted.camera.tenant_id, requests, to)
    for request, answer in zip(requests, answers, strict=True):
        if answer.envelope is not None:
            yield _row(request, answer, answer.envelope, private)


def _row(
    request: SegmentKeyRequest, answer: Released, envelope: bytes, private: X25519PrivateKey
) -> dict[str, str | int]:
    info, _sealed = parse_envelope(envelope)
    key = open_envelope(envelope, info, private.private_bytes_raw())
    return {
        "segment": answer.segment.hex,
        "rendition": int(Rendition(answer.rendition)),
        "key_id": request.key_id.hex(),
        "key": b64.encode(key),
    }
