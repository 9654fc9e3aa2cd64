"""Certificates that the organisation's own authority issues to cameras, and their renewal. Inside the tenant's scope.

The agent puts a certificate into the camera; the portal, which signed it, counts it as the accepted one as soon as the agent
says that the camera shows it, or a heartbeat does: whatever was broken off in between, the camera is recorded on.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from typing import Any, Final
from uuid import UUID, uuid4

from cryptography import x509
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from protocol.camera_certificate import (
    INTERRUPTED,
    CertificateEnd,
    CertificateRequest,
    IssueCertificate,
    Issued,
)
from tenants.models import Tenant
from vsaas.agents.asking import ask
from vsaas.agents.errors import AgentOffline, MalformedMessage
from vsaas.agents.models import Agent
from vsaas.audit.services import Who, record_act, system, what
from vsaas.cameras import acts
from vsaas.cameras.commands import tell_agent
from vsaas.cameras.models import Camera, CameraCertificate, CameraPassword, CertificateState
from vsaas.common import clock
from vsaas.common.errors import Conflict, TooMany, Unavailable
from vsaas.keys.camera_authority import RequestRefused, issue_camera_certificate

logger = logging.getLogger(__name__)

ORDER_S: Final = 60
OVER: Final = dt.timedelta(minutes=10)
"""What did not end by then was broken off."""
RENEWED_BEFORE: Final = dt.timedelta(days=30)
AGAIN_AFTER: Final = dt.timedelta(days=1)
SOON_OVER: Final = dt.timedelta(days=14)
BY_ITSELF: Final = gettext_noop("renewal of certificates")


class CertificateUnderWay(Conflict):
    """The camera is being given a certificate already."""

    problem = "certificate-under-way"


class NoCertificateAsked(Conflict):
    """An agent speaks of a certificate nobody ordered, or of an order that is over."""

    problem = "no-certificate-asked"


def begin(camera: Camera, by: Who) -> CameraCertificate:
    """Has the camera's agent give it a certificate. Raises CertificateUnderWay, AgentOffline, TooMany, Unavailable.

    The caller has checked that `by` holds `camera:edit` on the camera."""
    camera = Camera.objects.select_for_update(of=("self",)).select_related("agent").get(id=camera.id)
    row = CameraCertificate.objects.filter(camera=camera).first() or CameraCertificate(camera=camera)
    now = clock.now()
    if row.state in CertificateState.under_way() and row.asked_at is not None and row.asked_at > now - OVER:
        raise CertificateUnderWay(
            _("the camera %(camera)s is being given a certificate already: wait for it to end")
            % {"camera": camera.name}
        )
    service = CameraPassword.objects.filter(camera=camera, way="onvif").values_list("service", flat=True)
    row.state, row.cause, row.change, row.asked_at = CertificateState.ASKED, "", uuid4(), now
    row.service, row.coming = service.first() or "", None
    ask(
        Agent.objects.get(id=camera.agent_id),
        IssueCertificate(row.change, camera.id, row.service),
        lives_s=ORDER_S,
    )
    row.save()
    record_act(acts.CERTIFICATE_ORDERED, by, what(camera))
    return row


def sign(agent_id: UUID, message: CertificateRequest) -> Issued:
    """Signs the request a camera made. Raises NoCertificateAsked, MalformedMessage, KmsError."""
    row = _open(agent_id, message.change)
    try:
        made = issue_camera_certificate(Tenant.objects.get(), row.camera_id, message.host, message.request)
    except RequestRefused as refused:
        raise MalformedMessage(str(refused)) from refused
    row.state, row.coming, row.host = CertificateState.ISSUED, made.certificate, message.host
    row.save(update_fields=["state", "coming", "host"])
    return Issued(made.certificate, made.authority)


def take_end(agent_id: UUID, message: CertificateEnd) -> None:
    """How it ended, by the agent's word; told twice, it changes nothing. Raises NoCertificateAsked."""
    row = _open(agent_id, message.change, over_too=True)
    if row.state not in CertificateState.under_way():
        return
    if message.cause or row.coming is None:
        _fail(row, message.cause or INTERRUPTED)
    else:
        _hold(row)


def look_after() -> None:
    """Settles what was broken off, by what the cameras show, and renews what runs out within a month, one camera per agent at a
    time."""
    now = clock.now()
    open_rows = CameraCertificate.objects.filter(state__in=CertificateState.under_way())
    for row in open_rows.select_related("camera__agent__health").select_for_update(of=("self",)):
        if row.coming is not None and _sha256(row.coming).hex() in _shown(row.camera):
            _hold(row)
        elif row.asked_at < now - OVER:
            _fail(row, INTERRUPTED)
    due = CameraCertificate.objects.filter(
        held_until__lt=now + RENEWED_BEFORE,
        camera__deleted_at=None,
        camera__enabled=True,
        camera__agent__revoked_at=None,
        asked_at__lt=now - AGAIN_AFTER,
    ).exclude(state__in=CertificateState.under_way())
    busy = set(open_rows.values_list("camera__agent_id", flat=True))
    for row in due.select_related("camera").order_by("held_until"):
        if row.camera.agent_id not in busy and in_use(row):
            busy.add(row.camera.agent_id)
            _renew(row.camera)


def in_use(row: CameraCertificate) -> bool:
    """Whether the issued certificate is the accepted one: a person may have accepted another since."""
    accepted = row.camera.certificate
    return row.held is not None and accepted is not None and bytes(accepted) == _sha256(row.held)


def certificate_state(camera: Camera) -> dict[str, Any] | None:
    """As the API tells it; None where the authority never issued one."""
    row: CameraCertificate | None = getattr(camera, "issued", None)
    if row is None:
        return None
    used = in_use(row)
    issuer = ""
    if row.held is not None:
        issuer = x509.load_der_x509_certificate(bytes(row.held)).issuer.rfc4514_string()
    return {
        "state": row.state,
        "cause": row.cause or None,
        "asked_us": clock.to_us(row.asked_at),
        "in_use": used,
        "host": row.host,
        "issuer": issuer,
        "expires_us": None if row.held_until is None else clock.to_us(row.held_until),
        "renews_us": None
        if row.held_until is None or not used
        else clock.to_us(row.held_until - RENEWED_BEFORE),
    }


def running_out(cameras: Any) -> list[CameraCertificate]:
    """Of these cameras, the issued certificates in use that run out soon or have: their renewal did not work."""
    rows = CameraCertificate.objects.select_related("camera").filter(
        camera__in=cameras, held_until__lt=clock.now() + SOON_OVER
    )
    return [row for row in rows.order_by("held_until") if in_use(row)]


def _renew(camera: Camera) -> None:
    try:
        begin(camera, system(BY_ITSELF))
    except (AgentOffline, TooMany, Unavailable) as error:
        logger.info("the certificate of camera %s is renewed later: %s", camera.id, error)


def _open(agent_id: UUID, change: UUID, *, over_too: bool = False) -> CameraCertificate:
    rows = CameraCertificate.objects.select_for_update(of=("self",)).select_related("camera__agent")
    row = rows.filter(change=change, camera__agent_id=agent_id, camera__deleted_at=None).first()
    if row is None or not (over_too or row.state in CertificateState.under_way()):
        raise NoCertificateAsked("no certificate is ordered for this camera now")
    return row


def _hold(row: CameraCertificate) -> None:
    """The camera shows it: it is the accepted one from now on."""
    assert row.coming is not None, "only what was issued is held"
    held = bytes(row.coming)
    row.state, row.cause, row.held, row.coming = CertificateState.HELD, "", held, None
    row.held_until = x509.load_der_x509_certificate(held).not_valid_after_utc
    row.save()
    camera = Camera.objects.select_for_update(of=("self",)).select_related("agent").get(id=row.camera_id)
    camera.certificate = _sha256(held)
    camera.version += 1
    camera.save(update_fields=["certificate", "version"])
    record_act(acts.CERTIFICATE_HELD, system(BY_ITSELF), what(camera), fingerprint=_sha256(held).hex())
    tell_agent(camera.agent)


def _fail(row: CameraCertificate, cause: str) -> None:
    row.state, row.cause, row.coming = CertificateState.FAILED, cause, None
    row.save(update_fields=["state", "cause", "coming"])
    record_act(acts.CERTIFICATE_FAILED, system(BY_ITSELF), what(row.camera), cause=cause)


def _shown(camera: Camera) -> set[str]:
    """SHA-256 (hex) of the certificates the agent saw the camera show last."""
    health = getattr(camera.agent, "health", None)
    rows = [] if health is None else health.streams_by_camera.get(str(camera.id), [])
    return {row.get("certificate", "") for row in rows}


def _sha256(data: bytes | memoryview) -> bytes:
    return hashlib.sha256(bytes(data)).digest()
