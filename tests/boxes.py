"""Boxes: agents as the portal meets them, speaking HTTP with signatures of their own, through Django's test client."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from protocol import signatures
from protocol.enrolment import EnrolReply, EnrolRequest, parse_code
from protocol.state import AgentState
from sealing.ids import kid
from tenants.models import Site, Tenant
from tenants.scope import tenant_scope
from tests.cast import make_site, make_tenant
from vsaas.agents.enrolment import IssuedCode, issue_code
from vsaas.agents.models import Agent
from vsaas.audit.services import system
from vsaas.keys.kms import create_key_file, key_file_of
from vsaas.keys.models import TenantKey
from vsaas.keys.services import create_tenant_keys


def make_keys(tenant: Tenant) -> None:
    """Gives a tenant its keys, once."""
    create_key_file(key_file_of(settings.ENV.kms))
    with tenant_scope(tenant.id):
        if not TenantKey.objects.exists():
            create_tenant_keys(tenant)


def make_code(tenant: Tenant, site: Site) -> IssuedCode:
    """A fresh enrolment code."""
    make_keys(tenant)
    with tenant_scope(tenant.id):
        return issue_code(tenant.id, site, system("tests"))


@dataclass(frozen=True)
class Houses:
    """Two tenants with keys and sites, and no people: password hashes take their time."""

    tenant_a: Tenant
    site_a: Site
    other_site_a: Site
    tenant_b: Tenant
    site_b: Site


def make_houses() -> Houses:
    """Two fresh tenants, committed."""
    tenant_a, tenant_b = make_tenant("a"), make_tenant("b")
    with tenant_scope(tenant_a.id):
        site_a, other_site_a = make_site("Gate"), make_site("Yard")
    with tenant_scope(tenant_b.id):
        site_b = make_site("Depot")
    make_keys(tenant_a)
    make_keys(tenant_b)
    return Houses(tenant_a, site_a, other_site_a, tenant_b, site_b)


@dataclass
class Box:
    """A box with keys of its own. `created` is what its clock says, `nonce` the newest challenge it was given."""

    transport: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    record: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    box: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)
    clock_error: dt.timedelta = dt.timedelta()
    nonce: str = "none-yet"
    tenant_id: UUID | None = None
    agent_id: UUID | None = None
    enrolled: EnrolReply | None = None
    instance: UUID = field(default_factory=uuid4)

    @property
    def key_id(self) -> str:
        return kid(self.transport.public_key().public_bytes_raw()).hex()

    def signed_headers(self, method: str, path: str, body: bytes | None, **changes: Any) -> dict[str, str]:
        """The signature over a request to `path`, with today's mistakes given as `changes`."""
        arguments: dict[str, Any] = {
            "key": self.transport,
            "key_id": self.key_id,
            "nonce": self.nonce,
            "created": dt.datetime.now(dt.UTC) + self.clock_error,
            "body": body,
        }
        url = changes.pop("url", settings.ENV.public_url + path)
        return signatures.sign_request(method, url, **(arguments | changes))

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str = "application/json",
        **changes: Any,
    ) -> HttpResponse:
        """One request, sent again once with the fresh nonce when the portal asks for that."""
        reply = self.send_once(method, path, body, content_type=content_type, **changes)
        if reply.status_code == 401 and problem(reply) == "stale-nonce":
            reply = self.send_once(method, path, body, content_type=content_type, **changes)
        return reply

    def send_once(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str = "application/json",
        **changes: Any,
    ) -> HttpResponse:
        """One request, whatever comes of it. Keeps the nonce of the reply."""
        headers = self.signed_headers(method, path, body, **changes)
        reply = Client().generic(method, path, body or b"", content_type=content_type, headers=headers)
        self.nonce = reply.headers.get(signatures.NONCE_HEADER, self.nonce)
        return reply

    def enrol_request(self, code_text: str, **changes: Any) -> dict[str, Any]:
        """The body of an enrolment with the code as typed."""
        request = EnrolRequest(
            secret=parse_code(code_text).secret,
            name="Basement",
            record_public=self.record.public_key().public_bytes_raw(),
            transport_public=self.transport.public_key().public_bytes_raw(),
            box_public=self.box.public_key().public_bytes_raw(),
            software="vsaas-edge 0.1.0",
        )
        return request.to_json() | changes

    def enrol(self, code_text: str, **changes: Any) -> HttpResponse:
        """Enrols with a code; on success the box knows who it is."""
        body = json.dumps(self.enrol_request(code_text, **changes)).encode()
        reply = self.send("POST", "/agent/v1/enrol", body)
        if reply.status_code == 200:
            self.enrolled = EnrolReply.from_json(json.loads(reply.content))
            self.tenant_id, self.agent_id = self.enrolled.tenant, self.enrolled.agent
        return reply

    def state(self, statements: int = 0) -> AgentState:
        """What the portal says of this agent."""
        reply = self.send("GET", f"/agent/v1/state?statements={statements}")
        assert reply.status_code == 200, reply.content
        return AgentState.from_json(json.loads(reply.content))

    def heartbeat(self, **changes: Any) -> dict[str, Any]:
        """A sound heartbeat, as JSON, with `changes`."""
        return {
            "instance": str(self.instance),
            "software": "vsaas-edge 0.1.0",
            "utc_us": int((dt.datetime.now(dt.UTC) + self.clock_error).timestamp() * 1e6),
            "started_us": 1_700_000_000_000_000,
            "clock_synchronised": True,
            "spool_bytes": 1000,
            "spool_budget_bytes": 20_000,
            "disk_free_bytes": 10**9,
            "days_left": 12.5,
            "oldest_unsent_us": None,
            "streams": [],
        } | changes

    def beat(self, **changes: Any) -> HttpResponse:
        """Posts a heartbeat."""
        return self.send("POST", "/agent/v1/health", json.dumps(self.heartbeat(**changes)).encode())

    def agent(self) -> Agent:
        """This box's row, read in its tenant's scope."""
        assert self.tenant_id is not None
        with tenant_scope(self.tenant_id):
            return Agent.objects.select_related("site").get(id=self.agent_id)


def make_box(tenant: Tenant, site: Site) -> Box:
    """A box enrolled on a site, over HTTP, as an installer does it."""
    box = Box()
    reply = box.enrol(make_code(tenant, site).text)
    assert reply.status_code == 200, reply.content
    return box


def problem(reply: HttpResponse) -> str:
    """The name of the problem a reply describes."""
    assert reply.headers["Content-Type"] == "application/problem+json", reply.content
    kind: str = json.loads(reply.content)["type"]
    return kind.removeprefix("urn:vsaas:problem:")
