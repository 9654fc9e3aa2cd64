"""Where a tenant's log is sent on to: added, changed, removed, tried; and the state of each in words."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenants.scope import current_tenant_id
from vsaas.audit import acts, chain, proof
from vsaas.audit.checkpoints import beginning, log_of
from vsaas.audit.models import AuditDestination, AuditEntry
from vsaas.audit.services import What, Who, record_act
from vsaas.audit.siem import wire
from vsaas.audit.siem.ocsf import event_of
from vsaas.audit.siem.syslog import cef, syslog
from vsaas.common import clock, secretbox
from vsaas.common.errors import Conflict, InvalidFields
from vsaas.common.names import BadName, clean_name

Kind = AuditDestination.Kind
MOST = 10
PURPOSE = "audit-destination"
DEFAULT_HEADER = "Authorization"
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,60}")
_TOKEN = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
# What describes the request itself cannot be given: it would say something else than what is sent.
_HEADERS_KEPT = {"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent"}


class TooManyDestinations(Conflict):
    """A tenant has as many destinations as it may."""

    problem = "too-many-destinations"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A destination as it is to be. `token` None: as it is; "": none. `from_start`: a new one gets the whole log."""

    name: str
    kind: str
    address: str
    ca_pem: str = ""
    header_name: str = DEFAULT_HEADER
    token: str | None = None
    enabled: bool = True
    from_start: bool = False


def as_it_is(row: AuditDestination) -> dict[str, Any]:
    """What `Wanted` takes to leave a destination as it is; its token apart, which is not told."""
    return {
        "name": row.name,
        "kind": row.kind,
        "address": row.address,
        "ca_pem": row.ca_pem,
        "header_name": row.header_name or DEFAULT_HEADER,
        "enabled": row.enabled,
    }


def add(wanted: Wanted, by: Who, *, request: HttpRequest | None = None) -> AuditDestination:
    """Send the log on to it from now on, or from its beginning. Raises InvalidFields, TooManyDestinations."""
    _check(wanted)
    if AuditDestination.objects.count() >= MOST:
        raise TooManyDestinations(
            _("the log is sent to %(most)s destinations already: remove one first") % {"most": MOST}
        )
    row = AuditDestination(
        next_seq=beginning(log_of(current_tenant_id()))[0] if wanted.from_start else _end()
    )
    _fill(row, wanted)
    _save(row)
    record_act(acts.DESTINATION_ADDED, by, _what(row), request=request, kind=row.kind, address=row.address)
    return row


def change(row: AuditDestination, wanted: Wanted, by: Who, *, request: HttpRequest | None = None) -> None:
    """As it is to be from now on; it goes on where it was. Another address gets no token but one given anew, so that
    nobody has a secret they cannot read sent to a place of their own. Raises InvalidFields."""
    _check(wanted)
    if wanted.kind != row.kind:
        raise _wrong("kind", _("another kind is a destination of its own: add one"))
    moved = (wanted.address, wanted.ca_pem, wanted.header_name) != (row.address, row.ca_pem, row.header_name)
    if moved and row.sealed_token is not None and wanted.token is None:
        raise _wrong("token", _("give the token again: it is sent to another place"))
    before, renewed = in_words(row), wanted.token is not None
    _fill(row, wanted)
    after = in_words(row)
    if before == after and not renewed:
        return
    row.failures, row.error, row.failing_since, row.next_try_at = 0, "", None, clock.now()
    _save(row)
    suffix = ", another token" if renewed and wanted.token else ""
    record_act(acts.DESTINATION_CHANGED, by, _what(row), request=request, before=before, after=after + suffix)


def remove(row: AuditDestination, by: Who, *, request: HttpRequest | None = None) -> None:
    """Send it nothing more; its place in the log is forgotten."""
    record_act(acts.DESTINATION_REMOVED, by, _what(row), request=request, kind=row.kind, address=row.address)
    row.delete()


def try_out(row: AuditDestination, by: Who, *, request: HttpRequest | None = None) -> str:
    """Send one entry that says so, now; why it did not arrive, or "". The entry is of no chain, and moves no cursor."""
    record_act(acts.DESTINATION_TESTED, by, _what(row), request=request)
    one = proof.Fields(
        uuid4(),
        clock.now_us(),
        acts.DESTINATION_TESTED.name,
        "done",
        by.kind,
        by.id,
        by.name,
        "auditdestination",
        str(row.pk),
        row.name,
        "",
        {"test": True},
    )
    try:
        send(row, current_tenant_id(), [(None, None, one)])
    except wire.WireError as error:
        return str(error)
    return ""


Given = tuple[int | None, bytes | None, proof.Fields]
"""An entry with its place and hash; a test entry has neither."""


def send(row: AuditDestination, tenant_id: UUID, entries: list[Given]) -> None:
    """Send entries in their order; returns when all of them have arrived. Raises wire.WireError, SecretUnreadable."""
    if row.kind == Kind.OCSF:
        body = [event_of(tenant_id, seq, digest, one) for seq, digest, one in entries]
        headers = {row.header_name: token_of(row)} if row.sealed_token is not None else {}
        target = wire.https_target(row.address, row.ca_pem, headers)
        wire.post(target, json.dumps(body, ensure_ascii=False).encode())
        return
    _send_syslog(row.kind, wire.syslog_peer(row.address, row.ca_pem), tenant_id, entries)


def send_by_settings(entries: list[Given]) -> None:
    """The same for the platform's log, to where the settings say: whoever runs the installation chose that address, so it may
    be a private one. Raises wire.WireError."""
    env = settings.ENV
    ca_pem = ""
    if env.audit_platform_ca_file is not None:
        try:
            ca_pem = Path(env.audit_platform_ca_file).read_text()
        except OSError as error:
            raise wire.WireError(
                _("the certificate authority %(file)s cannot be read: %(reason)s")
                % {"file": env.audit_platform_ca_file, "reason": error.strerror}
            ) from error
    peer = replace(wire.syslog_peer(env.audit_platform_syslog, ca_pem), anywhere=True)
    _send_syslog(env.audit_platform_format, peer, chain.PLATFORM, entries)


def _send_syslog(kind: str, peer: wire.Peer, log: UUID, entries: list[Given]) -> None:
    make = cef if kind == Kind.CEF else syslog
    wire.send_frames(peer, [make(log, seq, digest, one) for seq, digest, one in entries])


def token_of(row: AuditDestination) -> str:
    """The secret that is sent along. Raises SecretUnreadable."""
    return secretbox.open_sealed(row.sealed_token, purpose=PURPOSE, bound_to=row.pk.bytes).decode()


def in_words(row: AuditDestination) -> str:
    """What may be changed of it, without its secret, as the log keeps it."""
    authority = "own authority" if row.ca_pem else "public authorities"
    header = f", {row.header_name}" if row.sealed_token is not None else ""
    return f"{row.name}, {row.address}, {authority}{header}, {'on' if row.enabled else 'off'}"


@dataclass(frozen=True, slots=True)
class State:
    """How a destination does. `word`: off, idle (nothing was sent yet), current, behind, failing."""

    word: str
    behind: int
    sent_at: dt.datetime | None
    error: str
    failing_since: dt.datetime | None
    next_try_at: dt.datetime | None


def state_of(row: AuditDestination) -> State:
    """Of the moment."""
    behind = max(0, _end() - row.next_seq)
    if not row.enabled:
        word = "off"
    elif row.error:
        word = "failing"
    elif behind:
        word = "behind"
    else:
        word = "current" if row.sent_at else "idle"
    next_try = row.next_try_at if row.enabled and row.error else None
    return State(word, behind, row.sent_at, row.error, row.failing_since, next_try)


def _end() -> int:
    """The seq the next entry of the current tenant's log will have."""
    last: int | None = AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first()
    return 0 if last is None else last + 1


def _fill(row: AuditDestination, wanted: Wanted) -> None:
    row.name, row.kind, row.address = clean_name(wanted.name), wanted.kind, wanted.address
    row.ca_pem, row.enabled = wanted.ca_pem, wanted.enabled
    row.header_name = wanted.header_name if wanted.kind == Kind.OCSF else ""
    if wanted.token is not None:
        sealed = secretbox.seal(wanted.token.encode(), purpose=PURPOSE, bound_to=row.pk.bytes)
        row.sealed_token = sealed if wanted.token else None


def _save(row: AuditDestination) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise _wrong("name", _("another destination has this name")) from error


def _what(row: AuditDestination) -> What:
    return What("auditdestination", str(row.pk), row.name)


def _check(wanted: Wanted) -> None:
    try:
        clean_name(wanted.name)
    except BadName as error:
        raise _wrong("name", str(error)) from error
    if wanted.ca_pem:
        try:
            wire.context_of(wanted.ca_pem)
        except wire.WireError as error:
            raise _wrong("ca_pem", str(error)) from error
    if wanted.kind == Kind.OCSF:
        _check_https(wanted)
    else:
        _check_syslog(wanted)


def _check_https(wanted: Wanted) -> None:
    try:
        wire.https_target(wanted.address, "", {})
    except ValueError as error:
        message = _("write an address that begins with https:// and holds no user or password")
        raise _wrong("address", message) from error
    name = wanted.header_name
    if not _HEADER.fullmatch(name) or name.lower() in _HEADERS_KEPT:
        raise _wrong("header_name", _("write the name of a header, such as Authorization"))
    if wanted.token and not _TOKEN.fullmatch(wanted.token):
        raise _wrong("token", _("write the header's value: ASCII, on one line, without spaces around it"))


def _check_syslog(wanted: Wanted) -> None:
    try:
        wire.syslog_peer(wanted.address, "")
    except ValueError as error:
        raise _wrong("address", _("write host:port, such as siem.example.com:6514")) from error
    if wanted.token:
        raise _wrong("token", _("syslog sends no token: the certificate is what counts"))


def _wrong(field: str, message: Any) -> InvalidFields:
    return InvalidFields(f"{field}: {message}", extra={"errors": [{"field": field, "message": message}]})
