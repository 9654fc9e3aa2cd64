"""The set-up on which everybody tries everything: tenant A with a camera on the site Bob has no part in, tenant B likewise."""

from __future__ import annotations

import datetime as dt
import functools
import json
import secrets
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from protocol import b64
from protocol.finding import Looked
from protocol.passwords import seal_password
from tenants.access import actor_of
from tenants.models import Membership, OrganisationRole, Site, Tenant
from tenants.permissions import VIEWER, all_permissions
from tenants.scope import tenant_scope
from tests.boxes import Box, make_box, make_keys
from tests.cast import PASSWORD, Cast, make_account, make_cast, make_token, sign_in
from tests.rules import set_hours
from vsaas.accounts import invitations
from vsaas.accounts.models import AccessToken, Account, Session
from vsaas.accounts.people import Access
from vsaas.accounts.sessions import SessionStore
from vsaas.agents.models import Agent, EnrolmentCode
from vsaas.agents.presence import presence_key
from vsaas.approvals.models import ApprovalRequest, BreakGlassCode
from vsaas.audit.models import AuditDestination, AuditInbox
from vsaas.audit.services import system
from vsaas.audit.siem import destinations
from vsaas.cameras.checklist import BY_KEY
from vsaas.cameras.models import (
    Camera,
    CameraCheck,
    CameraPassword,
    PasswordChange,
    PasswordRun,
    PasswordState,
)
from vsaas.cameras.offers import offers_of
from vsaas.cameras.password_schedules import Wish, set_schedule
from vsaas.cameras.saved_views import view_add
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.cameras.sign_offs import sign_off
from vsaas.common import clock
from vsaas.common.redis import client
from vsaas.footage.findings import note
from vsaas.footage.models import Finding, FindingKind
from vsaas.keys.models import KeyPurpose
from vsaas.keys.tenant_keys import newest_key
from vsaas.mail.letters import Letter
from vsaas.mail.models import Message
from vsaas.mail.sealed import seal


@dataclass(frozen=True)
class Waiting:
    browser: Client
    request: UUID
    token: str  # made before the role needed approval


@dataclass(frozen=True)
class OutsideHours:
    browser: Client
    account: Account
    token: str  # made before the role had hours


@dataclass(frozen=True)
class Stage:
    """Tenant A's things lie on its site "Yard" (`site`); Bob is a viewer of "Gate" (`cast.site_a`) alone.

    Who signs in, and what only some rows look at, is made when first asked for: most of a stage's time is people signing in.
    """

    cast: Cast
    camera: Camera
    box_a: Box
    invitation_id: UUID  # of tenant A, open
    session_id: UUID  # another one of Alice's
    event_id: UUID  # in A's audit log
    view_id: UUID
    """A view of Alice's own, with A's camera on the Yard."""
    token_of_alice: AccessToken

    @property
    def site(self) -> Site:
        """The Yard."""
        return self.cast.other_site_a

    @functools.cached_property
    def gate_camera(self) -> Camera:
        """A camera where Bob may look."""
        return _camera(self.cast.tenant_a, make_box(self.cast.tenant_a, self.cast.site_a), "Gate east")

    @functools.cached_property
    def box_b(self) -> Box:
        """Tenant B's agent."""
        make_keys(self.cast.tenant_b)
        return make_box(self.cast.tenant_b, self.cast.site_b)

    @functools.cached_property
    def camera_b(self) -> Camera:
        return _camera(self.cast.tenant_b, self.box_b, "Loading ramp")

    @functools.cached_property
    def alice(self) -> Client:
        return sign_in(self.cast.alice)

    @functools.cached_property
    def bob(self) -> Client:
        return sign_in(self.cast.bob)

    @functools.cached_property
    def charlie(self) -> Client:
        return sign_in(self.cast.charlie)

    @functools.cached_property
    def rita(self) -> Client:
        return sign_in(self.cast.rita)

    @functools.cached_property
    def half_signed_in(self) -> Client:
        """Alice's second browser, before her code."""
        # Proves the way in, so that this session is half-way for one reason only.
        sign_in(self.cast.olga)
        half = Client(headers={"accept": "text/html"})
        half.post(f"/t/{self.slug}/sign-in", {"email": self.cast.alice.email, "password": PASSWORD})
        return half

    @functools.cached_property
    def wanda(self) -> Waiting:
        """Who has every right in A once a second person approves her sign-in."""
        return _wanda(self.cast)

    @functools.cached_property
    def hugo(self) -> OutsideHours:
        """Who has every right in A, at no time."""
        return _hugo(self.cast)

    def whole(self) -> Stage:
        """The same with everybody on it, for what shows a stranger the others' things by mistake."""
        for name in (
            "alice",
            "bob",
            "charlie",
            "rita",
            "half_signed_in",
            "wanda",
            "hugo",
            "gate_camera",
            "camera_b",
        ):
            getattr(self, name)
        return self

    @property
    def slug(self) -> str:
        """Tenant A's."""
        return self.cast.tenant_a.slug

    @property
    def finding_id(self) -> UUID:
        """An open finding about A's camera on the Yard."""
        with tenant_scope(self.cast.tenant_a.id):
            note(FindingKind.OVERLAP, str(self.camera.id), "segments overlap", camera=self.camera.id)
            found: UUID = Finding.objects.get(camera=self.camera, closed_us=None).id
        return found

    @property
    def settled_site_id(self) -> UUID:
        """The Yard, on whose camera no point of the checklist is to be done."""
        with tenant_scope(self.cast.tenant_a.id):
            for point in BY_KEY:
                CameraCheck.objects.update_or_create(
                    camera=self.camera,
                    point=point,
                    defaults={
                        "reason": "as agreed",
                        "by_id": self.cast.alice.id,
                        "by_name": "Alice",
                        "at": clock.now(),
                    },
                )
        found: UUID = self.site.id
        return found

    @functools.cached_property
    def sign_off_id(self) -> UUID:
        """Alice's sign-off of the Yard."""
        assert self.settled_site_id == self.site.id
        with tenant_scope(self.cast.tenant_a.id):
            found: UUID = sign_off(actor_of(self.cast.alice), self.site, "").id
        return found

    @property
    def kept_message_id(self) -> UUID:
        """The message with Ingrid's invitation, kept to be read by A's owners."""
        return self._message(Message.State.KEPT)

    @property
    def failed_message_id(self) -> UUID:
        """The same, not delivered."""
        return self._message(Message.State.FAILED)

    def _message(self, state: Message.State) -> UUID:
        with tenant_scope(self.cast.tenant_a.id):
            message: Message = Message.objects.get(to="ingrid@example.org")
            if state == Message.State.KEPT:
                message.sealed = seal(message, {"letter": Letter("Welcome", ("Hello Ingrid",)).as_json()})
            message.state = state
            message.save()
        return message.id

    @functools.cached_property
    def sealed_code_id(self) -> UUID:
        """A break-glass code of A's that was not used."""
        return self._code()

    @functools.cached_property
    def broken_code_id(self) -> UUID:
        """One that was used, and nobody has acknowledged it."""
        return self._code(used_at=clock.now(), used_by_name="Olga")

    def _code(self, **values: object) -> UUID:
        with tenant_scope(self.cast.tenant_a.id):
            code = secrets.token_bytes(32)
            return BreakGlassCode.objects.create(code_hash=code, made_by_name="Alice", **values).id

    @property
    def slug_b(self) -> str:
        """Tenant B's."""
        return self.cast.tenant_b.slug

    @property
    def destination_id(self) -> UUID:
        """Where A's audit log is sent on to."""
        with tenant_scope(self.cast.tenant_a.id):
            row = AuditDestination.objects.first() or destinations.add(
                destinations.Wanted("Watch", "syslog", "siem.example.invalid:6514"), system("tests")
            )
        found: UUID = row.id
        return found

    @property
    def agent_id(self) -> UUID:
        """A's agent on the Yard."""
        assert self.box_a.agent_id is not None
        return self.box_a.agent_id

    @property
    def code_id(self) -> UUID:
        """The enrolment code that agent was enrolled with."""
        with tenant_scope(self.cast.tenant_a.id):
            return EnrolmentCode.objects.get(used_by=self.agent_id).id

    @property
    def role_key(self) -> str:
        """A role tenant A made, which nobody has."""
        with tenant_scope(self.cast.tenant_a.id):
            role, _ = OrganisationRole.objects.get_or_create(
                key="night-watch", defaults={"title": "Night watch", "permissions": ["camera:view"]}
            )
        return role.key

    @property
    def present_agent_id(self) -> UUID:
        """The same agent, as if its control socket were open."""
        client().set(presence_key(self.agent_id), "tests", ex=60)
        return self.agent_id

    @property
    def steered_camera_id(self) -> UUID:
        """A's camera on the Yard, which turns, and whose agent is there."""
        assert self.present_agent_id == self.agent_id
        with tenant_scope(self.cast.tenant_a.id):
            Camera.objects.filter(id=self.camera.id).update(
                offers=offers_of(Looked(self.camera.id, steers=("move",)))
            )
        found: UUID = self.camera.id
        return found

    @property
    def address_test_id(self) -> UUID:
        """A test of a camera's address that Alice asked A's agent for."""
        kept = {"account": str(self.cast.alice.id), "agent": str(self.agent_id), "expires_us": 2**52}
        client().set(f"vsaas:address-test:{self.cast.tenant_a.id}:{self.view_id}", json.dumps(kept), ex=60)
        return self.view_id

    @property
    def search_id(self) -> UUID:
        """A search for cameras that Alice asked A's agent for."""
        return self._asking("search")

    @property
    def look_id(self) -> UUID:
        """A look at cameras, likewise."""
        return self._asking("look")

    @property
    def setting_id(self) -> UUID:
        """Settings of a camera, likewise."""
        return self._asking("setting")

    @property
    def import_id(self) -> UUID:
        """A table of cameras that Alice had read, with no line that can be added."""
        row = {"line": 2, "name": "", "address": "", "groups": [], "wrong": "name: empty"}
        row |= {"agent": str(self.present_agent_id), "scope": str(self.view_id), "main": None, "sub": None}
        kept = {"account": str(self.cast.alice.id), "rows": [row]}
        client().set(f"vsaas:camera-import:{self.cast.tenant_a.id}:{self.view_id}", json.dumps(kept), ex=60)
        return self.view_id

    @functools.cached_property
    def password_run_id(self) -> UUID:
        """A run over the camera of the Yard that failed."""
        return self.password_change.run_id

    @functools.cached_property
    def password_change(self) -> PasswordChange:
        """Its change, which A's agent was asked for."""
        with tenant_scope(self.cast.tenant_a.id):
            now = clock.now()
            run = PasswordRun.objects.create(about=self.camera.name, started_at=now, ended_at=now)
            return PasswordChange.objects.create(
                run=run,
                camera=self.camera,
                state=PasswordState.FAILED,
                cause="timeout",
                asked_at=now,
                ended_at=now,
            )

    @functools.cached_property
    def password_schedule_id(self) -> UUID:
        """A schedule of the Yard."""
        with tenant_scope(self.cast.tenant_a.id):
            return set_schedule(Wish(6, 3, self.site), system("tests")).id

    @functools.cached_property
    def known_password(self) -> str:
        """The password an agent set for the camera of the Yard."""
        with tenant_scope(self.cast.tenant_a.id):
            key = newest_key(self.cast.tenant_a.id, KeyPurpose.RECIPIENT)
            change = self.view_id
            sealed = seal_password(
                self.cast.tenant_a.id, self.camera.id, change, "aB3-zebra", bytes(key.public_key)
            )
            known = {"changed_at": clock.now(), "change": change, "sealed": sealed, "recipient": key.kid}
            CameraPassword.objects.update_or_create(camera=self.camera, defaults=known)
        return "aB3-zebra"

    def _asking(self, kind: str) -> UUID:
        kept = {
            "account": str(self.cast.alice.id),
            "agent": str(self.present_agent_id),
            "expires_us": 2**52,
            "targets": {str(self.view_id): [b64.encode(b"sealed"), "http://192.0.2.9/", ""]},
        }
        client().set(f"vsaas:camera-{kind}:{self.cast.tenant_a.id}:{self.view_id}", json.dumps(kept), ex=60)
        return self.view_id

    def of_a(self) -> list[str]:
        """Strings that stand for tenant A's things on the Yard: no stranger's reply may hold one, nor Bob's."""
        ids = (
            self.camera.id,
            self.agent_id,
            self.site.id,
            self.invitation_id,
            self.cast.olga.id,
            self.token_of_alice.id,
        )
        return [
            self.camera.name,
            "ingrid@example.org",
            self.cast.olga.name,
            *(str(value) for value in ids),
            *(value.hex for value in ids),
        ]


def make_stage() -> Stage:
    """Fresh tenants, a box enrolled as an installer does it, a camera, and what people made."""
    cast = make_cast()
    make_keys(cast.tenant_a)
    box = make_box(cast.tenant_a, cast.other_site_a)
    invitation_id, session_id, event_id = _people_things(cast)
    yard = _camera(cast.tenant_a, box, "Zebra crossing")
    return Stage(
        cast=cast,
        camera=yard,
        box_a=box,
        invitation_id=invitation_id,
        session_id=session_id,
        event_id=event_id,
        view_id=_view(cast, yard),
        token_of_alice=make_token(cast.alice)[0],
    )


def _wanda(cast: Cast) -> Waiting:
    wanda = _with_every_right(cast, "Wanda", "guarded")
    token = make_token(wanda)[1]
    with tenant_scope(cast.tenant_a.id):
        OrganisationRole.objects.filter(key="guarded").update(needs_approval=True)
    client = sign_in(wanda)
    with tenant_scope(cast.tenant_a.id):
        return Waiting(client, ApprovalRequest.objects.get(requester=wanda).id, token)


def _hugo(cast: Cast) -> OutsideHours:
    hugo = _with_every_right(cast, "Hugo", "by-hours")
    client, token = sign_in(hugo), make_token(hugo)[1]
    set_hours(cast.tenant_a, "by-hours", sign_in=[])
    return OutsideHours(client, hugo, token)


def _with_every_right(cast: Cast, name: str, role: str) -> Account:
    """An account of A whose role has every permission."""
    with tenant_scope(cast.tenant_a.id):
        names = [permission.name for permission in all_permissions()]
        OrganisationRole.objects.create(key=role, title=role.title(), permissions=names)
        account = make_account(name)
        Membership.objects.create(account=account, role=role)
    return account


def _people_things(cast: Cast) -> tuple[UUID, UUID, UUID]:
    """An open invitation, a second session of Alice's and an audit entry of tenant A."""
    with tenant_scope(cast.tenant_a.id):
        invitation, _link = invitations.invite(
            RequestFactory().get("/"),
            actor_of(cast.alice),
            "Ingrid",
            "ingrid@example.org",
            Access(VIEWER, frozenset({cast.other_site_a.id})),
        )
        session = Session.objects.create(
            key_hash="0" * 64,
            account=cast.alice,
            data=SessionStore().encode({}),
            expires_at=clock.now() + dt.timedelta(days=1),
        )
        event = AuditInbox.objects.order_by("id").first()
    return invitation.id, session.id, event.id


def _camera(tenant: Tenant, box: Box, name: str) -> Camera:
    with tenant_scope(tenant.id, keys=True):
        agent = Agent.objects.get(id=box.agent_id)
        return camera_add(agent, NewCamera(name, "rtsp://user:secret@192.0.2.1/main"), system("tests"))


def _view(cast: Cast, camera: Camera) -> UUID:
    with tenant_scope(cast.tenant_a.id):
        owner = actor_of(cast.alice)
        return view_add(owner, {"name": "Crossings", "cameras": [camera.id]}).id


def assert_holds_nothing_of_a(stage: Stage, reply: HttpResponse, asked: str = "") -> None:
    """Not a name, not an id, in body or headers; the address that was asked for may come back, as the one to return to."""
    text = reply.getvalue().decode(errors="replace") + str(dict(reply.headers))
    for echo in filter(None, (asked, quote(asked, safe=""))):
        text = text.replace(echo, "")
    leaked = [word for word in stage.of_a() if word in text]
    if leaked:
        pytest.fail(f"the reply ({reply.status_code}) holds {leaked}: {text[:500]}")
