"""How the log is kept and where it goes, in the REST API."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires
from tenants.permissions import AUDIT_VIEW, TENANT_EDIT
from vsaas.audit import retention
from vsaas.audit.models import RETENTION_YEARS, AuditDestination
from vsaas.audit.rights import require_change, require_log
from vsaas.audit.services import who
from vsaas.audit.settings_page import PEM_CHARS_MAX, found
from vsaas.audit.siem import destinations
from vsaas.audit.siem.destinations import Kind, TooManyDestinations, Wanted, as_it_is
from vsaas.audit.signed import signed_state
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import InvalidFields
from vsaas.common.fields import Fields, valid
from vsaas.common.paging import page_of
from vsaas.common.shapes import Id, Micros, Next, page_example


class AuditPolicyReply(BaseModel):
    """How long the log is kept, where it begins, and what of it is signed."""

    retention_years: int
    begins_us: Micros | None
    entries: int = Field(description="How many there have been; those pruned are counted.")
    signed: int = Field(description="So many of them, from the first on, the newest checkpoint covers.")
    signed_us: Micros | None
    public_key: str | None = Field(description="Ed25519, base64url: checks exports and checkpoints.")


AUDIT_POLICY = {
    "retention_years": 2,
    "begins_us": 1764064990000000,
    "entries": 119,
    "signed": 119,
    "signed_us": 1764064991000000,
    "public_key": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}


class AuditPolicyFields(Fields):
    """What is to change."""

    retention_years = serializers.IntegerField(min_value=RETENTION_YEARS[0], max_value=RETENTION_YEARS[1])


class AuditPolicyView(ApiView):
    """GET, PATCH: how the log is kept."""

    access = Requires(AUDIT_VIEW, TENANT_EDIT)
    tag = "Audit"

    @describe("Get how the audit log is kept", reply=AuditPolicyReply, example=AUDIT_POLICY)
    def get(self, request: Request) -> Response:
        """Retention, and what is signed. Takes the right for every site."""
        require_log(self.actor)
        return Response(_policy())

    @describe(
        "Change how long the audit log is kept",
        request=AuditPolicyFields,
        request_example={"retention_years": 5},
        reply=AuditPolicyReply,
        example=AUDIT_POLICY | {"retention_years": 5},
    )
    def patch(self, request: Request) -> Response:
        """A shorter time deletes what is older within a day, for good; a signed statement says what went. Takes the right
        for every site."""
        require_change(self.actor)
        asked = valid(AuditPolicyFields(data=request.data))
        retention.set_retention(asked["retention_years"], who(self.actor), request=request._request)
        return Response(_policy())


def _policy() -> dict[str, Any]:
    signed, begins = signed_state(), retention.oldest_kept()
    return {
        "retention_years": retention.retention_years(),
        "begins_us": clock.to_us(begins) if begins else None,
        "entries": signed.entries,
        "signed": signed.newest.size if signed.newest else 0,
        "signed_us": signed.newest.at_us if signed.newest else None,
        "public_key": signed.key or None,
    }


class DestinationReply(BaseModel):
    """Where the log is sent on to. The token is told by no reply."""

    id: Id
    name: str
    kind: Literal["syslog", "cef", "ocsf"]
    address: str
    ca_pem: str
    header_name: str | None
    has_token: bool
    enabled: bool
    next_seq: int = Field(description="Everything before it has arrived.")
    state: Literal["off", "idle", "current", "behind", "failing"]
    behind: int = Field(description="How many entries it lacks.")
    sent_us: Micros | None
    error: str = Field(description="Why nothing arrives; empty while it does.")
    failing_since_us: Micros | None
    next_try_us: Micros | None


class DestinationPage(BaseModel):
    """Destinations, by name."""

    items: list[DestinationReply]
    next: Next


class TriedReply(BaseModel):
    """Whether the test entry arrived, and why not."""

    arrived: bool
    reason: str


class DestinationFields(Fields):
    """A destination. In a change, what is absent stays."""

    name = serializers.CharField(max_length=100)
    kind = serializers.ChoiceField(Kind.values)
    address = serializers.CharField(
        max_length=500, help_text="`host:port` for syslog and CEF, an https address for OCSF."
    )
    ca_pem = serializers.CharField(
        max_length=PEM_CHARS_MAX,
        required=False,
        allow_blank=True,
        help_text="The only authority trusted for its certificate; empty: public ones.",
    )
    header_name = serializers.CharField(max_length=60, required=False)
    token = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, help_text="The header's whole value. OCSF only."
    )
    enabled = serializers.BooleanField(required=False)
    from_start = serializers.BooleanField(
        required=False, help_text="Begin with the oldest entry kept; else with the next one. New ones only."
    )


DESTINATION: dict[str, Any] = {
    "id": "019ac107-1a2b-7c3d-8e4f-5a6b7c8d9e0f",
    "name": "Security centre",
    "kind": "ocsf",
    "address": "https://siem.example.com/ingest",
    "ca_pem": "",
    "header_name": "Authorization",
    "has_token": True,
    "enabled": True,
    "next_seq": 119,
    "state": "current",
    "behind": 0,
    "sent_us": 1764064992000000,
    "error": "",
    "failing_since_us": None,
    "next_try_us": None,
}
ASKED = {
    "name": "Security centre",
    "kind": "ocsf",
    "address": "https://siem.example.com/ingest",
    "token": "Bearer …",
}


class Destinations(ApiView):
    """GET: destinations with their state; POST: a new one."""

    access = Requires(AUDIT_VIEW, TENANT_EDIT, fresh=True)
    tag = "Audit"

    @describe(
        "List where the audit log is sent",
        reply=DestinationPage,
        example=page_example(DESTINATION),
        paged=True,
    )
    def get(self, request: Request) -> Response:
        """Each with its state and how far behind it is. Takes the right for every site."""
        require_log(self.actor)
        page = page_of(request, AuditDestination.objects.all(), order=("name", "id"))
        return Response(page.json([_json(row) for row in page.rows]))

    @describe(
        "Send the audit log on",
        request=DestinationFields,
        request_example=ASKED | {"token": "Bearer 0b3c6d9e2f5a8b1c"},
        reply=DestinationReply,
        example=DESTINATION,
        status=201,
        problems=(TooManyDestinations,),
    )
    def post(self, request: Request) -> Response:
        """To a SIEM: syslog over TLS, CEF in it, or OCSF JSON over HTTPS (docs/siem.md): each entry at least once and in
        order. The token is kept sealed and told by no reply. Takes the right for every site."""
        require_change(self.actor)
        asked = valid(DestinationFields(data=request.data))
        wanted = Wanted(**asked)
        return Response(
            _json(destinations.add(wanted, who(self.actor), request=request._request)), status=201
        )


class Destination(ApiView):
    """GET, PATCH, DELETE: one destination."""

    access = Requires(AUDIT_VIEW, TENANT_EDIT, fresh=True)
    tag = "Audit"

    @describe("Get a destination of the audit log", reply=DestinationReply, example=DESTINATION)
    def get(self, request: Request, destination_id: UUID) -> Response:
        """With its state. Takes the right for every site."""
        require_log(self.actor)
        return Response(_json(found(destination_id)))

    @describe(
        "Change a destination of the audit log",
        request=DestinationFields,
        request_example={"enabled": False},
        reply=DestinationReply,
        example=DESTINATION | {"enabled": False, "state": "off"},
    )
    def patch(self, request: Request, destination_id: UUID) -> Response:
        """What is absent stays. Another address takes the token again. It goes on where it was. Takes the right for every
        site."""
        require_change(self.actor)
        row = found(destination_id)
        asked = valid(DestinationFields(data=request.data, partial=True))
        if "from_start" in asked:
            raise InvalidFields(
                _("from_start is for new destinations"),
                extra={"errors": [{"field": "from_start", "message": str(_("only for new destinations"))}]},
            )
        destinations.change(row, Wanted(**(as_it_is(row) | asked)), who(self.actor), request=request._request)
        return Response(_json(row))

    @describe("Stop sending the audit log to a destination", status=204)
    def delete(self, request: Request, destination_id: UUID) -> Response:
        """Its place in the log is forgotten. Takes the right for every site."""
        require_change(self.actor)
        destinations.remove(found(destination_id), who(self.actor), request=request._request)
        return Response(status=204)


class DestinationTest(ApiView):
    """POST: sends a test entry."""

    access = Requires(TENANT_EDIT)
    tag = "Audit"
    keeps_answers = False  # asked again, it is tried again

    @describe(
        "Send a test entry to a destination",
        reply=TriedReply,
        example={"arrived": False, "reason": "siem.example.com:443 answered 403 Forbidden"},
    )
    def post(self, request: Request, destination_id: UUID) -> Response:
        """One entry of the act `audit.destination-tested`, which is in no chain and moves no cursor. Takes the right for
        every site."""
        require_change(self.actor)
        why = destinations.try_out(found(destination_id), who(self.actor), request=request._request)
        return Response({"arrived": not why, "reason": why})


def _json(row: AuditDestination) -> dict[str, Any]:
    state = destinations.state_of(row)
    return {
        "id": str(row.pk),
        "name": row.name,
        "kind": row.kind,
        "address": row.address,
        "ca_pem": row.ca_pem,
        "header_name": row.header_name or None,
        "has_token": row.sealed_token is not None,
        "enabled": row.enabled,
        "next_seq": row.next_seq,
        "state": state.word,
        "behind": state.behind,
        "sent_us": clock.to_us(state.sent_at) if state.sent_at else None,
        "error": state.error,
        "failing_since_us": clock.to_us(state.failing_since) if state.failing_since else None,
        "next_try_us": clock.to_us(state.next_try_at) if state.next_try_at else None,
    }
