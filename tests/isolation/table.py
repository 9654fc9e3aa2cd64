"""The isolation table: one row for each way in. A route, consumer or task that has no row fails the test.

Add a row where you add a route:

    Url("/api/v1/cameras/<uuid:camera_id>", "POST", Requires(CAMERA_EDIT),
        path=lambda s: f"/api/v1/cameras/{s.camera.id}", body=lambda s: {"name": "New"}, names_object=True)

`path` and `body` name things of tenant A on the site Bob has no part in (`tests.isolation.stage`). What follows by itself:
nobody signed in, a half signed-in Alice, Wanda who waits for approval, Charlie, Rita and B's agent are refused at A's door;
Hugo, who has every right and is outside his hours, is refused;
Charlie at his own door with A's ids finds nothing; Bob is refused (403 without the permission, 404 for an object elsewhere)
or is shown nothing of the Yard; then Alice succeeds with the very same request. What is refused to people of A is in its log.
docs/refusals.md is made from these rows: `python -m tests.isolation`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol.camera_certificate import CertificateEnd
from protocol.passwords import PasswordReport
from protocol.rollover import KeyOffer
from tenants import permissions as may
from tenants.declare import AgentOnly, Declaration, Platform, Public, Requires
from tests.cast import PASSWORD
from tests.isolation import sockets
from tests.isolation.stage import Stage
from vsaas.common import clock

API, PAGES, AGENT = "/api/v1/", "/t/<str:slug>/", "/agent/v1/"


@dataclass(frozen=True)
class Url:
    """One method of one route. `succeeds`: what Alice (for agents' routes: A's agent, for public ones: anybody) gets.

    `reach`: what a token limited to a site meets: "site", what the route names stands on one; "tenant", the route takes the
    right for all sites; "account", it is about what is the caller's own on whatever site. `also`: what it takes besides.
    `own`: the route is about the caller alone, so that everybody with a session in a tenant succeeds in their own.
    `query` is for GET, `body` for the rest: JSON for the API, a form for pages, bytes as they are.
    """

    route: str
    method: str
    declares: Declaration
    path: Callable[[Stage], str]
    body: Callable[[Stage], Any] | None = None
    names_object: bool = False
    own: bool = False
    succeeds: tuple[int, ...] = (200,)
    content_type: str = ""
    not_found: tuple[int, ...] = (404,)  # what a person gets who names an object that is not theirs to see
    reach: str = "site"
    also: tuple[may.Permission, ...] = ()
    fresh: bool = False  # changes what other rows need: gets a stage of its own

    @property
    def id(self) -> str:
        return f"{self.method} {self.route}"

    def payload(self, stage: Stage) -> tuple[bytes, str]:
        """Body and content type."""
        value = self.body(stage) if self.body else b""
        if isinstance(value, bytes):
            return value, self.content_type or "application/json"
        if self.route.startswith(PAGES):
            return urlencode(value).encode(), "application/x-www-form-urlencoded"
        return json.dumps(value).encode(), "application/json"


def _offer(stage: Stage) -> KeyOffer:
    """Keys that A's agent holds."""
    agent = stage.box_a
    pair = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    box = X25519PrivateKey.generate().public_key().public_bytes_raw()
    return KeyOffer.sign(stage.cast.tenant_a.id, agent.agent_id, agent.instance, *pair, box)


@dataclass(frozen=True)
class Consumer:
    """One WebSocket route. `connect(stage, who)` tries to get in as "anonymous", "alice", "bob", "charlie", "waiting", "hugo", "agent_a"
    or "agent_b", with A's things on the Yard, and answers whether the socket was let in and served."""

    route: str
    declares: Declaration
    connect: Callable[[Stage, str], Any]  # a coroutine function: → bool
    admits: frozenset[str]

    @property
    def id(self) -> str:
        return self.route


@dataclass(frozen=True)
class Task:
    """One Celery task. For a tenant's task `arguments` are A's ids: it is run with B's tenant id and must not find them,
    then with A's. A platform task is run as it is and must leave no scope open."""

    name: str
    declares: Requires | type[Platform]
    arguments: Callable[[Stage], tuple[Any, ...]] = lambda stage: ()

    @property
    def id(self) -> str:
        return self.name


def page(stage: Stage, rest: str) -> str:
    """A page of tenant A."""
    return f"/t/{stage.slug}/{rest}"


NEWCOMER = {"name": "Nadia", "email": "nadia@example.org", "role": "viewer"}

WAY = {
    "kind": "passphrase",
    "label": "Passphrase",
    "data": {"salt": "A" * 22, "m_kib": 65536, "t": 3, "p": 1},
    "wrapped": "A" * 80,
}

URLS: list[Url] = [
    # operators
    Url("/healthz", "GET", Public(""), lambda s: "/healthz"),
    Url("/readyz", "GET", Public(""), lambda s: "/readyz"),
    Url("/metrics", "GET", Public(""), lambda s: "/metrics", succeeds=(404,)),  # no token file is set
    Url("/ca", "GET", Public(""), lambda s: "/ca", succeeds=(404,)),  # no authority of its own
    Url("/ca.crt", "GET", Public(""), lambda s: "/ca.crt", succeeds=(404,)),
    Url(
        "/agent-packages/vsaas-agent_<slug:architecture>.deb",
        "GET",
        Public(""),
        lambda s: "/agent-packages/vsaas-agent_amd64.deb",
        succeeds=(404,),  # no folder of packages is set
    ),
    Url(
        "/.well-known/security.txt",
        "GET",
        Public(""),
        lambda s: "/.well-known/security.txt",
        succeeds=(404,),  # no contact is named
    ),
    # the door
    Url("/", "GET", Public(""), lambda s: "/", succeeds=(200, 302)),
    Url("/find-sign-in", "GET", Public(""), lambda s: "/find-sign-in"),
    Url("/find-sign-in", "POST", Public(""), lambda s: "/find-sign-in", body=lambda s: b"", succeeds=(422,)),
    *(
        Url(
            PAGES + rest,
            method,
            Public(""),
            lambda s, rest=rest: page(s, rest),
            body=lambda s: {},
            succeeds=status,
        )
        for rest, method, status in (
            ("forgot", "GET", (200,)),
            ("forgot", "POST", (422,)),
            ("reset", "GET", (410,)),  # no link was opened in this browser
            ("reset", "POST", (410,)),
            ("email/confirm", "GET", (410,)),
            ("email/confirm", "POST", (410,)),
            ("email/not-me", "GET", (410,)),
            ("email/not-me", "POST", (410,)),
        )
    ),
    Url(
        PAGES + "link/<str:token>", "GET", Public(""), lambda s: page(s, "link/" + "a" * 43), succeeds=(404,)
    ),
    Url("/language", "POST", Public(""), lambda s: "/language", succeeds=(302,)),
    Url(PAGES + "language", "POST", Public(""), lambda s: page(s, "language"), succeeds=(302,)),
    Url("/t/sw.js", "GET", Public(""), lambda s: "/t/sw.js"),
    Url("/t/offline", "GET", Public(""), lambda s: "/t/offline"),
    Url(PAGES + "manifest.webmanifest", "GET", Public(""), lambda s: page(s, "manifest.webmanifest")),
    Url("/setup/<str:token>", "GET", Public(""), lambda s: "/setup/" + "a" * 43, succeeds=(404,)),
    Url("/setup/<str:token>", "POST", Public(""), lambda s: "/setup/" + "a" * 43, succeeds=(404,)),
    Url(PAGES + "sign-in", "GET", Public(""), lambda s: page(s, "sign-in")),
    Url(
        PAGES + "sign-in",
        "POST",
        Public(""),
        lambda s: page(s, "sign-in"),
        body=lambda s: {},
        succeeds=(422,),
    ),
    Url(PAGES + "sign-in/factor", "GET", Public(""), lambda s: page(s, "sign-in/factor"), succeeds=(302,)),
    Url(
        PAGES + "sign-in/factor",
        "POST",
        Public(""),
        lambda s: page(s, "sign-in/factor"),
        body=lambda s: {"code": "123456"},
        succeeds=(302,),
    ),
    *(
        Url(
            PAGES + f"sign-in/approval{rest}",
            method,
            Public(""),
            lambda s, rest=rest: page(s, f"sign-in/approval{rest}"),
            body=(lambda s: {}) if method == "POST" else None,
            succeeds=(200,) if rest == "/state" else (302,),  # nobody waits: to the sign-in
        )
        for rest, method in (
            ("", "GET"),
            ("", "POST"),
            ("/state", "GET"),
            ("/enter", "POST"),
            ("/withdraw", "POST"),
            ("/here", "POST"),
            ("/break-glass", "POST"),
        )
    ),
    *(
        Url(
            PAGES + f"sign-in/lost{rest}",
            method,
            Public(""),
            lambda s, rest=rest: page(s, f"sign-in/lost{rest}"),
            body=(lambda s: {}) if method == "POST" else None,
            succeeds=(200,) if rest == "/state" else (302,),  # nobody gave a password: to the sign-in
        )
        for rest, method in (
            ("", "GET"),
            ("", "POST"),
            ("/state", "GET"),
            ("/withdraw", "POST"),
            ("/app", "GET"),
            ("/app", "POST"),
            ("/passkey", "GET"),
            ("/passkey", "POST"),
        )
    ),
    Url(PAGES + "sign-out", "POST", Public(""), lambda s: page(s, "sign-out"), succeeds=(302,)),
    Url(
        PAGES + "recovery-codes",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, "recovery-codes"),
        own=True,
        succeeds=(200, 302),
    ),
    Url(
        PAGES + "recovery-codes",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, "recovery-codes"),
        own=True,
        succeeds=(302,),
        fresh=True,
    ),
    # the API's reference
    Url("/api/schema/", "GET", Public(""), lambda s: "/api/schema/"),
    Url("/api/docs/", "GET", Public(""), lambda s: "/api/docs/"),
    # pages
    Url(PAGES, "GET", Requires(may.ACCOUNT_SELF), lambda s: page(s, "")),
    Url(
        PAGES + "cameras/<uuid:camera_id>",
        "GET",
        Requires(may.CAMERA_VIEW),
        lambda s: page(s, f"cameras/{s.camera.id}"),
        names_object=True,
    ),
    Url(
        PAGES + "sync",
        "GET",
        Requires(may.CAMERA_PLAYBACK),
        lambda s: page(s, f"sync?cameras={s.camera.id}"),
        names_object=True,
    ),
    Url(PAGES + "palette.json", "GET", Requires(may.CAMERA_VIEW), lambda s: page(s, "palette.json")),
    Url(PAGES + "agents", "GET", Requires(may.AGENT_VIEW), lambda s: page(s, "agents")),
    Url(
        PAGES + "agents/updates",
        "GET",
        Requires(may.AGENT_VIEW, may.TENANT_EDIT),
        lambda s: page(s, "agents/updates"),
    ),
    Url(
        PAGES + "agents/updates",
        "POST",
        Requires(may.AGENT_VIEW, may.TENANT_EDIT),
        lambda s: page(s, "agents/updates"),
        body=lambda s: {
            "days": "mon",
            "starts": "01:00",
            "ends": "03:00",
            "healthy_hours": "12",
            "wave_percent": "50",
            "stop_percent": "10",
        },
        succeeds=(302,),
        reach="tenant",
        also=(may.AGENT_VIEW,),
    ),
    Url(
        PAGES + "agents/updates/rollout",
        "POST",
        Requires(may.TENANT_EDIT),
        lambda s: page(s, "agents/updates/rollout"),
        body=lambda s: {"action": "stop"},
        succeeds=(409,),  # none runs
        reach="tenant",
    ),
    Url(
        PAGES + "agents/<uuid:agent_id>/update",
        "POST",
        Requires(may.AGENT_EDIT),
        lambda s: page(s, f"agents/{s.agent_id}/update"),
        body=lambda s: {"action": "hold"},
        names_object=True,
        succeeds=(302,),
    ),
    Url(PAGES + "agents/enrol", "GET", Requires(may.AGENT_ENROL), lambda s: page(s, "agents/enrol")),
    Url(
        PAGES + "agents/enrol",
        "POST",
        Requires(may.AGENT_ENROL),
        lambda s: page(s, "agents/enrol"),
        body=lambda s: {"site": str(s.site.id)},
        names_object=True,
        not_found=(200, 404, 422),  # the form again: it offers B's sites and has no such choice
    ),
    Url(PAGES + "health", "GET", Requires(may.AGENT_VIEW), lambda s: page(s, "health")),
    Url(PAGES + "alarms", "GET", Requires(may.AGENT_VIEW), lambda s: page(s, "alarms")),
    Url(
        PAGES + "alarms/told",
        "POST",
        Requires(may.AGENT_VIEW),
        lambda s: page(s, "alarms/told"),
        body=lambda s: {"by_mail": "on", "all_sites": "yes"},
        succeeds=(302,),
    ),
    Url(API + "alarms", "GET", Requires(may.AGENT_VIEW), lambda s: API + "alarms"),
    Url(API + "alarms/told", "GET", Requires(may.AGENT_VIEW), lambda s: API + "alarms/told"),
    Url(
        API + "alarms/told",
        "PUT",
        Requires(may.AGENT_VIEW),
        lambda s: API + "alarms/told",
        body=lambda s: {"by_mail": True, "sites": None},
    ),
    Url(
        PAGES + "health/<uuid:finding_id>/settled",
        "POST",
        Requires(may.AGENT_EDIT),
        lambda s: page(s, f"health/{s.finding_id}/settled"),
        body=lambda s: {},
        names_object=True,
        succeeds=(302,),
    ),
    # access tokens: a person's own, so Bob and Charlie see theirs, and never Alice's
    Url(
        PAGES + "account/tokens",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, "account/tokens"),
        own=True,
    ),
    Url(
        PAGES + "account/tokens/new",
        "GET",
        Requires(may.ACCOUNT_SELF, fresh=True),
        lambda s: page(s, "account/tokens/new"),
        own=True,
    ),
    Url(
        PAGES + "account/tokens/new",
        "POST",
        Requires(may.ACCOUNT_SELF, fresh=True),
        lambda s: page(s, "account/tokens/new"),
        body=lambda s: {"name": "Page", "scopes": "camera:view", "site": "", "days": "30"},
        own=True,
    ),
    Url(
        PAGES + "account/tokens/<uuid:token_id>/revoke",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, f"account/tokens/{s.token_of_alice.id}/revoke"),
        names_object=True,
    ),
    Url(
        PAGES + "account/tokens/<uuid:token_id>/revoke",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, f"account/tokens/{s.token_of_alice.id}/revoke"),
        names_object=True,
        succeeds=(302,),
    ),
    Url(API + "me", "GET", Public(""), lambda s: API + "me", succeeds=(401,)),
    Url(API + "tokens", "GET", Requires(may.ACCOUNT_SELF, fresh=True), lambda s: API + "tokens", own=True),
    Url(
        API + "tokens",
        "POST",
        Requires(may.ACCOUNT_SELF, fresh=True),
        lambda s: API + "tokens",
        body=lambda s: {
            "name": "Report",
            "scopes": ["camera:view"],
            "expires_us": clock.now_us() + 30 * 86_400 * 1_000_000,
        },
        own=True,
        succeeds=(201,),
    ),
    Url(
        API + "tokens/<uuid:token_id>",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: f"{API}tokens/{s.token_of_alice.id}",
        names_object=True,
    ),
    Url(
        API + "tokens/<uuid:token_id>/revocation",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: f"{API}tokens/{s.token_of_alice.id}/revocation",
        names_object=True,
    ),
    # browser API
    Url(API + "findings", "GET", Requires(may.AGENT_VIEW), lambda s: API + "findings"),
    Url(
        API + "findings/<uuid:finding_id>/settlement",
        "POST",
        Requires(may.AGENT_EDIT),
        lambda s: f"{API}findings/{s.finding_id}/settlement",
        body=lambda s: {},
        names_object=True,
        succeeds=(204,),
    ),
    Url(
        PAGES + "agents/<uuid:agent_id>",
        "GET",
        Requires(may.AGENT_VIEW, may.AGENT_EDIT),
        lambda s: page(s, f"agents/{s.agent_id}"),
        names_object=True,
    ),
    Url(
        PAGES + "agents/<uuid:agent_id>",
        "POST",
        Requires(may.AGENT_VIEW, may.AGENT_EDIT),
        lambda s: page(s, f"agents/{s.agent_id}"),
        body=lambda s: {"name": "Cellar", "site": str(s.site.id)},
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "agents/<uuid:agent_id>/revoke",
        "GET",
        Requires(may.AGENT_EDIT, fresh=True),
        lambda s: page(s, f"agents/{s.agent_id}/revoke"),
        names_object=True,
    ),
    Url(
        PAGES + "agents/<uuid:agent_id>/revoke",
        "POST",
        Requires(may.AGENT_EDIT, fresh=True),
        lambda s: page(s, f"agents/{s.agent_id}/revoke"),
        body=lambda s: {"name": "Basement"},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "agents/<uuid:agent_id>/replace",
        "GET",
        Requires(may.AGENT_EDIT, fresh=True),
        lambda s: page(s, f"agents/{s.agent_id}/replace"),
        names_object=True,
    ),
    Url(
        PAGES + "agents/<uuid:agent_id>/replace",
        "POST",
        Requires(may.AGENT_EDIT, fresh=True),
        lambda s: page(s, f"agents/{s.agent_id}/replace"),
        body=lambda s: {},
        names_object=True,
    ),
    Url(
        PAGES + "agents/<uuid:agent_id>/keys",
        "GET",
        Requires(may.AGENT_EDIT, fresh=True),
        lambda s: page(s, f"agents/{s.agent_id}/keys"),
        names_object=True,
    ),
    Url(
        PAGES + "agents/<uuid:agent_id>/keys",
        "POST",
        Requires(may.AGENT_EDIT, fresh=True),
        lambda s: page(s, f"agents/{s.agent_id}/keys"),
        body=lambda s: {},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    # sites and cameras
    Url(PAGES + "sites", "GET", Requires(may.SITE_VIEW), lambda s: page(s, "sites")),
    Url(PAGES + "sites/add", "GET", Requires(may.SITE_EDIT), lambda s: page(s, "sites/add")),
    Url(
        PAGES + "sites/add",
        "POST",
        Requires(may.SITE_EDIT),
        lambda s: page(s, "sites/add"),
        body=lambda s: {"name": "Harbour", "timezone": "Europe/Lisbon"},
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "sites/<uuid:site_id>",
        "GET",
        Requires(may.SITE_EDIT),
        lambda s: page(s, f"sites/{s.site.id}"),
        names_object=True,
    ),
    Url(
        PAGES + "sites/<uuid:site_id>",
        "POST",
        Requires(may.SITE_EDIT),
        lambda s: page(s, f"sites/{s.site.id}"),
        body=lambda s: {"name": "Yard", "timezone": "Europe/Lisbon"},
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "sites/<uuid:site_id>/delete",
        "POST",
        Requires(may.SITE_EDIT, fresh=True),
        lambda s: page(s, f"sites/{s.site.id}/delete"),
        body=lambda s: {},
        names_object=True,
        succeeds=(409,),  # cameras belong to it
    ),
    Url(PAGES + "cameras/add", "GET", Requires(may.CAMERA_EDIT), lambda s: page(s, "cameras/add")),
    Url(
        PAGES + "cameras/add",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, "cameras/add"),
        body=lambda s: {"agent": str(s.agent_id), "name": "Third", "main_url": "rtsp://192.0.2.3/x"},
        names_object=True,
        not_found=(404, 422),  # the form again: A's agents are no choice there
        succeeds=(302,),
        fresh=True,
    ),
    Url(PAGES + "cameras/find", "GET", Requires(may.CAMERA_EDIT), lambda s: page(s, "cameras/find")),
    Url(
        PAGES + "cameras/find",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, "cameras/find"),
        body=lambda s: {"agent": str(s.present_agent_id), "multicast": "on"},
        names_object=True,
        not_found=(404, 422),  # the form again: A's agents are no choice there
        succeeds=(302,),
    ),
    Url(
        PAGES + "cameras/find/<uuid:search_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/find/{s.search_id}"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/find/<uuid:search_id>",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/find/{s.search_id}"),
        body=lambda s: {"more": "192.0.2.9", "user": "u", "password": "p"},
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "cameras/look/<uuid:look_id>/<uuid:found_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/look/{s.look_id}/{s.view_id}"),
        names_object=True,
        succeeds=(409,),  # the agent has not seen it yet
    ),
    Url(
        PAGES + "cameras/look/<uuid:look_id>/<uuid:found_id>",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/look/{s.look_id}/{s.view_id}"),
        body=lambda s: {},
        names_object=True,
        succeeds=(409,),  # the agent has not seen it yet
    ),
    Url(
        PAGES + "cameras/set/<uuid:setting_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/set/{s.setting_id}"),
        names_object=True,
    ),
    Url(PAGES + "cameras/import", "GET", Requires(may.CAMERA_EDIT), lambda s: page(s, "cameras/import")),
    Url(
        PAGES + "cameras/import",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, "cameras/import"),
        body=lambda s: {"agent": str(s.agent_id), "table": "name,address\nSixth,rtsp://192.0.2.6/x"},
        names_object=True,
        not_found=(404, 422),  # the form again: A's agents are no choice there
        succeeds=(302,),
    ),
    Url(
        PAGES + "cameras/import/<uuid:batch_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/import/{s.import_id}"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/import/<uuid:batch_id>",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/import/{s.import_id}"),
        body=lambda s: {},
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "cameras/look/<uuid:look_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/look/{s.look_id}"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/look/<uuid:look_id>",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/look/{s.look_id}"),
        body=lambda s: {},
        names_object=True,
        succeeds=(422,),  # nothing is ticked
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/settings",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/settings"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/settings",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/settings"),
        body=lambda s: {"version": "1", "name": "Zebra crossing", "site": str(s.site.id), "audio": "on"},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/recording",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/recording"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/recording",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/recording"),
        body=lambda s: {"version": "1", "mode": "off", "quality": "full", "before": "0", "after": "0"},
        names_object=True,
        succeeds=(302, 409),  # 409: a row before changed the camera
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/offers",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/offers"),
        body=lambda s: {"agent": str(s.present_agent_id)},
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/certificate/issue",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/certificate/issue"),
        body=lambda s: {"agent": str(s.present_agent_id)},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "cameras/authority.pem",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, "cameras/authority.pem"),
        succeeds=(404,),  # there is none before a camera is given a certificate
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/detection",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/detection"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/detection",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/detection"),
        body=lambda s: {"version": "1", "motion": "on", "sensitivity": "3", "smallest": "1"},
        names_object=True,
        succeeds=(302, 409),  # 409: a row before changed the camera
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/switch",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/switch"),
        body=lambda s: {"enabled": "1"},
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/certificate",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/certificate"),
        body=lambda s: {"certificate": "ab" * 32},
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/delete",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/delete"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/delete",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/delete"),
        body=lambda s: {"name": "Zebra crossing", "footage": "erase"},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    # commissioning
    Url(PAGES + "commissioning", "GET", Requires(may.CAMERA_EDIT), lambda s: page(s, "commissioning")),
    Url(
        PAGES + "commissioning/<uuid:site_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"commissioning/{s.site.id}"),
        names_object=True,
    ),
    Url(
        PAGES + "commissioning/<uuid:site_id>/sign-off",
        "POST",
        Requires(may.CAMERA_EDIT, fresh=True),
        lambda s: page(s, f"commissioning/{s.settled_site_id}/sign-off"),
        body=lambda s: {"remarks": "All well."},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "sign-offs/<uuid:sign_off_id>/report",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"sign-offs/{s.sign_off_id}/report"),
        names_object=True,
    ),
    Url(
        PAGES + "sign-offs/<uuid:sign_off_id>/report.pdf",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"sign-offs/{s.sign_off_id}/report.pdf"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/commission",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/commission"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/commission",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/commission"),
        body=lambda s: {"point": "aimed", "state": "ok"},
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        API + "cameras/<uuid:camera_id>/checks/<str:point_key>",
        "PUT",
        Requires(may.CAMERA_EDIT),
        lambda s: API + f"cameras/{s.camera.id}/checks/aimed",
        body=lambda s: {"state": "ok"},
        names_object=True,
    ),
    Url(
        API + "sites/<uuid:site_id>/commissioning",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: API + f"sites/{s.site.id}/commissioning",
        names_object=True,
    ),
    Url(
        API + "sites/<uuid:site_id>/sign-offs",
        "POST",
        Requires(may.CAMERA_EDIT, fresh=True),
        lambda s: API + f"sites/{s.settled_site_id}/sign-offs",
        body=lambda s: {"remarks": "All well."},
        names_object=True,
        succeeds=(201,),
        fresh=True,
    ),
    Url(
        API + "sign-offs/<uuid:sign_off_id>/report",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: API + f"sign-offs/{s.sign_off_id}/report",
        names_object=True,
    ),
    Url(
        API + "sign-offs/<uuid:sign_off_id>/report.pdf",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: API + f"sign-offs/{s.sign_off_id}/report.pdf",
        names_object=True,
    ),
    # passwords of cameras
    Url(
        PAGES + "cameras/passwords", "GET", Requires(may.CAMERA_EDIT), lambda s: page(s, "cameras/passwords")
    ),
    Url(
        PAGES + "cameras/passwords",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, "cameras/passwords"),
        body=lambda s: {"of": f"site:{s.site.id}"},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "cameras/passwords/<uuid:run_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/passwords/{s.password_run_id}"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/passwords/<uuid:run_id>",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/passwords/{s.password_run_id}"),
        body=lambda s: {},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "cameras/passwords/schedules",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, "cameras/passwords/schedules"),
        body=lambda s: {"place": f"site:{s.site.id}", "months": "6", "hour": "3"},
        names_object=True,
        not_found=(404, 422),  # the form again: A's sites are no choice there
        succeeds=(302,),
    ),
    Url(
        PAGES + "cameras/passwords/schedules/<uuid:schedule_id>/remove",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/passwords/schedules/{s.password_schedule_id}/remove"),
        body=lambda s: {},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/password",
        "GET",
        Requires(may.CAMERA_EDIT, may.CAMERA_PASSWORD, fresh=True),
        lambda s: page(s, f"cameras/{s.camera.id}/password"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/password",
        "POST",
        Requires(may.CAMERA_EDIT, may.CAMERA_PASSWORD, fresh=True),
        lambda s: page(s, f"cameras/{s.camera.id}/password"),
        body=lambda s: {"way": "onvif", "service": ""},
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/password/change",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: page(s, f"cameras/{s.camera.id}/password/change"),
        body=lambda s: {},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/password/reveal",
        "POST",
        Requires(may.CAMERA_PASSWORD, fresh=True),
        lambda s: page(s, f"cameras/{s.camera.id}/password/reveal"),
        body=lambda s: {"which": "current" if s.known_password else ""},
        names_object=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/password",
        "GET",
        Requires(may.CAMERA_EDIT, may.CAMERA_PASSWORD, fresh=True),
        lambda s: API + f"cameras/{s.camera.id}/password",
        names_object=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/password",
        "PATCH",
        Requires(may.CAMERA_EDIT, may.CAMERA_PASSWORD, fresh=True),
        lambda s: API + f"cameras/{s.camera.id}/password",
        body=lambda s: {"way": "onvif"},
        names_object=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/password/revealing",
        "POST",
        Requires(may.CAMERA_PASSWORD, fresh=True),
        lambda s: API + f"cameras/{s.camera.id}/password/revealing",
        body=lambda s: {"which": "current" if s.known_password else ""},
        names_object=True,
    ),
    Url(API + "password-runs", "GET", Requires(may.CAMERA_EDIT), lambda s: API + "password-runs"),
    Url(
        API + "password-runs",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: API + "password-runs",
        body=lambda s: {"cameras": [str(s.camera.id)]},
        names_object=True,
        succeeds=(202,),
        fresh=True,
    ),
    Url(
        API + "password-runs/<uuid:run_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: API + f"password-runs/{s.password_run_id}",
        names_object=True,
    ),
    Url(
        API + "password-runs/<uuid:run_id>/retry",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: API + f"password-runs/{s.password_run_id}/retry",
        names_object=True,
        succeeds=(202,),
        fresh=True,
    ),
    Url(API + "password-schedules", "GET", Requires(may.CAMERA_EDIT), lambda s: API + "password-schedules"),
    Url(
        API + "password-schedules",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: API + "password-schedules",
        body=lambda s: {"site": str(s.site.id), "months": 6, "hour": 3},
        names_object=True,
    ),
    Url(
        API + "password-schedules/<uuid:schedule_id>",
        "DELETE",
        Requires(may.CAMERA_EDIT),
        lambda s: API + f"password-schedules/{s.password_schedule_id}",
        names_object=True,
        succeeds=(204,),
        fresh=True,
    ),
    Url(PAGES + "usage", "GET", Requires(may.USAGE_VIEW, may.TENANT_EDIT), lambda s: page(s, "usage")),
    Url(
        PAGES + "usage",
        "POST",
        Requires(may.USAGE_VIEW, may.TENANT_EDIT),
        lambda s: page(s, "usage"),
        body=lambda s: {"retention_days": "40", "quota_gb": ""},
        succeeds=(302,),
    ),
    # browser API
    Url(API + "sites", "GET", Requires(may.SITE_VIEW, may.SITE_EDIT), lambda s: API + "sites"),
    Url(
        API + "sites",
        "POST",
        Requires(may.SITE_VIEW, may.SITE_EDIT),
        lambda s: API + "sites",
        body=lambda s: {"name": "Quay", "timezone": "Europe/Lisbon"},
        succeeds=(201,),
        fresh=True,
        reach="tenant",
    ),
    Url(
        API + "sites/<uuid:site_id>",
        "GET",
        Requires(may.SITE_VIEW, may.SITE_EDIT, fresh=("DELETE",)),
        lambda s: f"{API}sites/{s.site.id}",
        names_object=True,
    ),
    Url(
        API + "sites/<uuid:site_id>",
        "PATCH",
        Requires(may.SITE_VIEW, may.SITE_EDIT, fresh=("DELETE",)),
        lambda s: f"{API}sites/{s.site.id}",
        body=lambda s: {"timezone": "Europe/Lisbon"},
        names_object=True,
    ),
    Url(
        API + "sites/<uuid:site_id>",
        "DELETE",
        Requires(may.SITE_VIEW, may.SITE_EDIT, fresh=("DELETE",)),
        lambda s: f"{API}sites/{s.site.id}",
        body=lambda s: {},
        names_object=True,
        succeeds=(409,),  # cameras belong to it
    ),
    Url(API + "usage", "GET", Requires(may.USAGE_VIEW), lambda s: API + "usage"),
    Url(
        API + "policy",
        "GET",
        Requires(may.USAGE_VIEW, may.TENANT_EDIT),
        lambda s: API + "policy",
        reach="tenant",
    ),
    Url(
        API + "policy",
        "PATCH",
        Requires(may.USAGE_VIEW, may.TENANT_EDIT),
        lambda s: API + "policy",
        body=lambda s: {"retention_days": 60},
        reach="tenant",
    ),
    Url(
        API + "agents/<uuid:agent_id>",
        "GET",
        Requires(may.AGENT_VIEW, may.AGENT_EDIT),
        lambda s: f"{API}agents/{s.agent_id}",
        names_object=True,
    ),
    Url(
        API + "agents/<uuid:agent_id>",
        "PATCH",
        Requires(may.AGENT_VIEW, may.AGENT_EDIT),
        lambda s: f"{API}agents/{s.agent_id}",
        body=lambda s: {"name": "Cellar", "site": str(s.site.id)},
        names_object=True,
    ),
    Url(
        API + "enrolment-codes/<uuid:code_id>",
        "GET",
        Requires(may.AGENT_ENROL),
        lambda s: f"{API}enrolment-codes/{s.code_id}",
        names_object=True,
    ),
    Url(API + "statements", "GET", Requires(may.CAMERA_VIEW), lambda s: API + "statements"),
    Url(API + "groups", "GET", Requires(may.CAMERA_VIEW), lambda s: API + "groups"),
    Url(API + "cameras", "GET", Requires(may.CAMERA_VIEW, may.CAMERA_EDIT), lambda s: API + "cameras"),
    Url(
        API + "cameras",
        "POST",
        Requires(may.CAMERA_VIEW, may.CAMERA_EDIT),
        lambda s: API + "cameras",
        body=lambda s: {"agent": str(s.agent_id), "name": "Third", "main_url": "rtsp://u:p@192.0.2.3/x"},
        names_object=True,
        succeeds=(201,),
        fresh=True,
    ),
    *(
        Url(
            API + "cameras/<uuid:camera_id>",
            method,
            Requires(may.CAMERA_VIEW, may.CAMERA_EDIT),
            lambda s: f"{API}cameras/{s.camera.id}",
            body=body,
            names_object=True,
            succeeds=(204,) if method == "DELETE" else (200,),
            fresh=method == "DELETE",
        )
        for method, body in (
            ("GET", None),
            ("POST", lambda s: {"audio": False}),
            ("PATCH", lambda s: {"audio": False}),
            ("DELETE", lambda s: {}),
        )
    ),
    Url(API + "agents", "GET", Requires(may.AGENT_VIEW), lambda s: API + "agents"),
    Url(API + "updates", "GET", Requires(may.AGENT_VIEW, may.TENANT_EDIT), lambda s: API + "updates"),
    Url(
        API + "updates",
        "PATCH",
        Requires(may.AGENT_VIEW, may.TENANT_EDIT),
        lambda s: API + "updates",
        body=lambda s: {"healthy_hours": 12},
        reach="tenant",
        also=(may.AGENT_VIEW,),
    ),
    Url(
        API + "updates/rollout",
        "POST",
        Requires(may.TENANT_EDIT),
        lambda s: API + "updates/rollout",
        body=lambda s: {"action": "stop"},
        succeeds=(409,),  # none runs
        reach="tenant",
    ),
    Url(
        API + "agents/<uuid:agent_id>/update",
        "POST",
        Requires(may.AGENT_EDIT),
        lambda s: f"{API}agents/{s.agent_id}/update",
        names_object=True,
        succeeds=(409,),  # no release is offered
    ),
    Url(
        API + "agents/<uuid:agent_id>/update",
        "PATCH",
        Requires(may.AGENT_EDIT),
        lambda s: f"{API}agents/{s.agent_id}/update",
        body=lambda s: {"held": True},
        names_object=True,
    ),
    Url(
        API + "agents/<uuid:agent_id>/cameras",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}agents/{s.agent_id}/cameras",
        body=lambda s: {"name": "Second", "main_url": "rtsp://u:p@192.0.2.2/x"},
        names_object=True,
        succeeds=(201,),
        fresh=True,
    ),
    Url(
        API + "agents/<uuid:agent_id>/revocation",
        "POST",
        Requires(may.AGENT_EDIT, fresh=True),
        lambda s: f"{API}agents/{s.agent_id}/revocation",
        body=lambda s: {},
        names_object=True,
        fresh=True,
    ),
    Url(
        API + "agents/<uuid:agent_id>/keys",
        "POST",
        Requires(may.AGENT_EDIT, fresh=True),
        lambda s: f"{API}agents/{s.agent_id}/keys",
        body=lambda s: {},
        names_object=True,
        fresh=True,
    ),
    Url(
        API + "agents/<uuid:agent_id>/replacement",
        "POST",
        Requires(may.AGENT_EDIT, fresh=True),
        lambda s: f"{API}agents/{s.agent_id}/replacement",
        body=lambda s: {},
        names_object=True,
        succeeds=(201,),
        also=(may.AGENT_ENROL,),
    ),
    Url(
        API + "enrolment-codes",
        "POST",
        Requires(may.AGENT_ENROL),
        lambda s: API + "enrolment-codes",
        body=lambda s: {"site": str(s.site.id)},
        names_object=True,
        succeeds=(201,),
    ),
    Url(
        API + "timeline",
        "GET",
        Requires(may.CAMERA_PLAYBACK),
        lambda s: (
            f"{API}timeline?cameras={s.camera.id}&from=2023-11-14T22:00:00Z&to=2023-11-14T23:00:00Z&stream=main"
        ),
        names_object=True,
    ),
    Url(
        API + "events",
        "GET",
        Requires(may.CAMERA_PLAYBACK),
        lambda s: f"{API}events?cameras={s.camera.id}&from=2023-11-14T22:00:00Z&to=2023-11-14T23:00:00Z",
        names_object=True,
    ),
    Url(
        API + "playback",
        "POST",
        Requires(may.CAMERA_PLAYBACK),
        lambda s: API + "playback",
        body=lambda s: {
            "streams": [{"camera": str(s.camera.id), "stream": "main"}],
            "from_us": 1_700_000_000_000_000,
            "to_us": 1_700_000_060_000_000,
            "audio": False,
            "hpke_public": "CQ" + "A" * 41,
        },
        names_object=True,
    ),
    Url(
        API + "clips",
        "POST",
        Requires(may.CAMERA_CLIP),
        lambda s: API + "clips",
        body=lambda s: {
            "camera": str(s.camera.id),
            "stream": "main",
            "from_us": 1_700_000_000_000_000,
            "to_us": 1_700_000_060_000_000,
            "audio": False,
            "hpke_public": "CQ" + "A" * 41,
        },
        names_object=True,
        also=(may.CAMERA_PLAYBACK,),
    ),
    Url(
        API + "live",
        "POST",
        Requires(may.CAMERA_LIVE),
        lambda s: API + "live",
        body=lambda s: {"camera": str(s.camera.id), "stream": "main", "hpke_public": "CQ" + "A" * 41},
        names_object=True,
    ),
    # agents
    Url(
        AGENT + "enrol",
        "POST",
        Public(""),
        lambda s: AGENT + "enrol",
        body=lambda s: b"{}",
        succeeds=(400, 401, 422),
    ),
    Url(AGENT + "state", "GET", AgentOnly(), lambda s: AGENT + "state"),
    Url(
        AGENT + "updates/<str:digest>",
        "GET",
        AgentOnly(),
        lambda s: AGENT + "updates/" + "0" * 64,
        succeeds=(404,),  # no release is offered
    ),
    Url(
        AGENT + "updates/<str:digest>/<str:name>",
        "GET",
        AgentOnly(),
        lambda s: AGENT + "updates/" + "0" * 64 + "/vsaas-agent_1.0_amd64.deb",
        succeeds=(404,),
    ),
    Url(
        AGENT + "health",
        "POST",
        AgentOnly(),
        lambda s: AGENT + "health",
        body=lambda s: json.dumps(s.box_a.heartbeat()).encode(),
        content_type="application/json",
        succeeds=(200, 204),
    ),
    Url(
        AGENT + "records",
        "POST",
        AgentOnly(),
        lambda s: AGENT + "records",
        body=lambda s: bytes.fromhex("a401800280038004f6"),  # an empty batch
        content_type="application/cbor",
    ),
    Url(
        AGENT + "passwords",
        "POST",
        AgentOnly(),
        lambda s: AGENT + "passwords",
        body=lambda s: PasswordReport(s.password_change.id, "timeout").encode(),
        content_type="application/cbor",
    ),
    Url(
        AGENT + "certificates",
        "POST",
        AgentOnly(),
        lambda s: AGENT + "certificates",
        # Nobody ordered one, and it hears that.
        body=lambda s: CertificateEnd(s.password_change.id, "timeout").encode(),
        content_type="application/cbor",
        succeeds=(409,),
    ),
    Url(
        AGENT + "adoption",
        "POST",
        AgentOnly(),
        lambda s: AGENT + "adoption",
        # It took nobody's place, and hears that.
        body=lambda s: json.dumps({"of": str(s.agent_id), "sources": [], "finished": False}).encode(),
        content_type="application/json",
        succeeds=(403,),
    ),
    Url(
        AGENT + "keys",
        "POST",
        AgentOnly(),
        lambda s: AGENT + "keys",
        # Nobody asked it for new ones, and it hears that.
        body=lambda s: json.dumps(_offer(s).to_json()).encode(),
        content_type="application/json",
        succeeds=(409,),
    ),
    # approvals: a person's own requests, and those they may decide
    Url(PAGES + "approvals", "GET", Requires(may.ACCOUNT_SELF), lambda s: page(s, "approvals"), own=True),
    Url(
        PAGES + "approvals/waiting.json",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, "approvals/waiting.json"),
        own=True,
    ),
    Url(
        PAGES + "approvals/policy",
        "GET",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: page(s, "approvals/policy"),
    ),
    Url(
        PAGES + "approvals/policy",
        "POST",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: page(s, "approvals/policy"),
        body=lambda s: {"holds_h": "4"},
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "approvals/break-glass",
        "GET",
        Requires(may.PEOPLE_EDIT),
        lambda s: page(s, "approvals/break-glass"),
    ),
    Url(
        PAGES + "approvals/break-glass",
        "POST",
        Requires(may.PEOPLE_EDIT),
        lambda s: page(s, "approvals/break-glass"),
        body=lambda s: {},
        succeeds=(422,),  # password and code are asked for
    ),
    *(
        Url(
            PAGES + f"approvals/break-glass/<uuid:code_id>/{act}",
            "POST",
            Requires(permission),
            lambda s, act=act, named=named: page(s, f"approvals/break-glass/{getattr(s, named)}/{act}"),
            body=lambda s: {},
            names_object=True,
            succeeds=(302,),
        )
        for act, permission, named in (
            ("revoke", may.PEOPLE_EDIT, "sealed_code_id"),
            ("acknowledge", may.LOGIN_APPROVE, "broken_code_id"),
        )
    ),
    *(
        Url(
            PAGES + f"approvals/<uuid:request_id>/{act}",
            "POST",
            Requires(may.ACCOUNT_SELF),
            lambda s, act=act: page(s, f"approvals/{s.wanda.request}/{act}"),
            body=lambda s: {},
            names_object=True,
            succeeds=succeeds,
            fresh=True,
        )
        for act, succeeds in (
            ("approve", (409,)),  # the digest of what was seen is missing
            ("refuse", (302,)),
            ("withdraw", (403,)),  # only who asked
        )
    ),
    Url(API + "approvals", "GET", Requires(may.ACCOUNT_SELF), lambda s: API + "approvals", own=True),
    Url(
        API + "approvals/policy",
        "GET",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: API + "approvals/policy",
    ),
    Url(
        API + "approvals/policy",
        "PATCH",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: API + "approvals/policy",
        body=lambda s: {"sign_in_holds_s": 3600},
    ),
    Url(
        API + "approvals/<uuid:request_id>",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: f"{API}approvals/{s.wanda.request}",
        names_object=True,
    ),
    *(
        Url(
            API + f"approvals/<uuid:request_id>/{act}",
            "POST",
            Requires(may.ACCOUNT_SELF),
            lambda s, act=act: f"{API}approvals/{s.wanda.request}/{act}",
            body=lambda s: {"code": "000000", "digest": "0" * 64},
            names_object=True,
            succeeds=succeeds,
            fresh=True,
        )
        for act, succeeds in (
            ("approval", (409,)),  # not the digest that was shown
            ("refusal", (200,)),
            ("withdrawal", (403,)),  # only who asked
        )
    ),
    # people
    Url(PAGES + "people", "GET", Requires(may.PEOPLE_VIEW), lambda s: page(s, "people")),
    Url(
        PAGES + "people/invite",
        "GET",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: page(s, "people/invite"),
    ),
    Url(
        PAGES + "people/invite",
        "POST",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: page(s, "people/invite"),
        body=lambda s: NEWCOMER | {"where": "some", "sites": str(s.site.id)},
        names_object=True,
        not_found=(422,),  # the form again: it offers B's sites and has no such choice
        fresh=True,
    ),
    Url(
        PAGES + "people/invitations/<uuid:invitation_id>/renew",
        "POST",
        Requires(may.PEOPLE_EDIT),
        lambda s: page(s, f"people/invitations/{s.invitation_id}/renew"),
        names_object=True,
        fresh=True,
    ),
    Url(
        PAGES + "people/invitations/<uuid:invitation_id>/revoke",
        "POST",
        Requires(may.PEOPLE_EDIT),
        lambda s: page(s, f"people/invitations/{s.invitation_id}/revoke"),
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "people/<uuid:account_id>",
        "GET",
        Requires(may.PEOPLE_VIEW, fresh=True),
        lambda s: page(s, f"people/{s.cast.olga.id}"),
        names_object=True,
    ),
    Url(
        PAGES + "people/<uuid:account_id>",
        "POST",
        Requires(may.PEOPLE_VIEW, fresh=True),
        lambda s: page(s, f"people/{s.cast.olga.id}"),
        body=lambda s: {"role": "viewer", "where": "all", "confirmed": "1"},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "people/<uuid:account_id>/remove",
        "GET",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: page(s, f"people/{s.cast.olga.id}/remove"),
        names_object=True,
    ),
    Url(
        PAGES + "people/<uuid:account_id>/remove",
        "POST",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: page(s, f"people/{s.cast.olga.id}/remove"),
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "people/<uuid:account_id>/sessions",
        "POST",
        Requires(may.PEOPLE_EDIT),
        lambda s: page(s, f"people/{s.cast.olga.id}/sessions"),
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "people/<uuid:account_id>/factor",
        "POST",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: page(s, f"people/{s.cast.olga.id}/factor"),
        names_object=True,
    ),
    Url(
        PAGES + "people/<uuid:account_id>/grants",
        "GET",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: page(s, f"people/{s.cast.olga.id}/grants"),
        names_object=True,
    ),
    Url(
        PAGES + "people/<uuid:account_id>/grants",
        "POST",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: page(s, f"people/{s.cast.olga.id}/grants"),
        body=lambda s: {
            "act": "deny",
            "role": "",
            "where": "camera",
            "camera": str(s.camera.id),
            "confirmed": "1",
        },
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "people/<uuid:account_id>/rights",
        "GET",
        Requires(may.PEOPLE_VIEW),
        lambda s: page(s, f"people/{s.cast.olga.id}/rights?place=camera:{s.camera.id}"),
        names_object=True,
    ),
    Url(
        PAGES + "cameras/<uuid:camera_id>/people",
        "GET",
        Requires(may.PEOPLE_VIEW),
        lambda s: page(s, f"cameras/{s.camera.id}/people"),
        names_object=True,
    ),
    Url(PAGES + "roles", "GET", Requires(may.PEOPLE_VIEW), lambda s: page(s, "roles")),
    Url(PAGES + "roles/new", "GET", Requires(may.ROLE_EDIT, fresh=True), lambda s: page(s, "roles/new")),
    Url(
        PAGES + "roles/new",
        "POST",
        Requires(may.ROLE_EDIT, fresh=True),
        lambda s: page(s, "roles/new"),
        body=lambda s: {"title": "Reception", "permissions": "camera:live"},
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "roles/<slug:key>",
        "GET",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: page(s, f"roles/{s.role_key}"),
        names_object=True,
    ),
    Url(
        PAGES + "roles/<slug:key>",
        "POST",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: page(s, f"roles/{s.role_key}"),
        body=lambda s: {"title": "Night watch", "permissions": "camera:live"},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "roles/<slug:key>/sessions",
        "GET",
        Requires(may.ROLE_EDIT, fresh=True),
        lambda s: page(s, f"roles/{s.role_key}/sessions"),
        names_object=True,
    ),
    Url(
        PAGES + "roles/<slug:key>/sessions",
        "POST",
        Requires(may.ROLE_EDIT, fresh=True),
        lambda s: page(s, f"roles/{s.role_key}/sessions"),
        body=lambda s: {"idle_min": "15"},
        names_object=True,
        succeeds=(302,),
    ),
    *(
        Url(
            API + "roles/<slug:role_key>/sessions",
            method,
            Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
            lambda s: f"{API}roles/{s.role_key}/sessions",
            body=body,
            names_object=True,
            reach="tenant",
        )
        for method, body in (("GET", None), ("PATCH", lambda s: {"idle_s": 900}))
    ),
    Url(
        PAGES + "roles/<slug:key>/delete",
        "GET",
        Requires(may.ROLE_EDIT, fresh=True),
        lambda s: page(s, f"roles/{s.role_key}/delete"),
        names_object=True,
    ),
    Url(
        PAGES + "roles/<slug:key>/delete",
        "POST",
        Requires(may.ROLE_EDIT, fresh=True),
        lambda s: page(s, f"roles/{s.role_key}/delete"),
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "people/<uuid:account_id>/lift",
        "POST",
        Requires(may.PEOPLE_EDIT),
        lambda s: page(s, f"people/{s.cast.olga.id}/lift"),
        names_object=True,
        succeeds=(302,),
    ),
    Url(
        API + "members/<uuid:account_id>/slowdowns",
        "GET",
        Requires(may.PEOPLE_VIEW, may.PEOPLE_EDIT),
        lambda s: f"{API}members/{s.cast.olga.id}/slowdowns",
        names_object=True,
        reach="tenant",
    ),
    Url(
        API + "members/<uuid:account_id>/slowdowns",
        "DELETE",
        Requires(may.PEOPLE_VIEW, may.PEOPLE_EDIT),
        lambda s: f"{API}members/{s.cast.olga.id}/slowdowns",
        names_object=True,
    ),
    # mail
    Url(PAGES + "mail", "GET", Requires(may.PEOPLE_EDIT), lambda s: page(s, "mail")),
    Url(
        PAGES + "mail/<uuid:message_id>",
        "GET",
        Requires(may.PEOPLE_EDIT),
        lambda s: page(s, f"mail/{s.kept_message_id}"),
        names_object=True,
        fresh=True,
    ),
    Url(
        PAGES + "mail/<uuid:message_id>/retry",
        "POST",
        Requires(may.PEOPLE_EDIT),
        lambda s: page(s, f"mail/{s.failed_message_id}/retry"),
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "roles/<slug:key>/hours",
        "GET",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: page(s, f"roles/{s.role_key}/hours"),
        names_object=True,
    ),
    Url(
        PAGES + "roles/<slug:key>/hours",
        "POST",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: page(s, f"roles/{s.role_key}/hours"),
        body=lambda s: {
            "live-mode": "hours",
            "live-0-days": "mon",
            "live-0-from": "08:00",
            "live-0-to": "18:00",
        },
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(API + "mail", "GET", Requires(may.PEOPLE_EDIT), lambda s: API + "mail"),
    Url(
        API + "mail/<uuid:message_id>/retry",
        "POST",
        Requires(may.PEOPLE_EDIT),
        lambda s: f"{API}mail/{s.failed_message_id}/retry",
        names_object=True,
        fresh=True,
    ),
    Url(PAGES + "organisation", "GET", Requires(may.TENANT_EDIT), lambda s: page(s, "organisation")),
    Url(
        PAGES + "organisation",
        "POST",
        Requires(may.TENANT_EDIT),
        lambda s: page(s, "organisation"),
        body=lambda s: {"name": "Acme", "timezone": "Europe/Berlin"},
        succeeds=(302,),
        fresh=True,
    ),
    # my account
    Url(PAGES + "account", "GET", Requires(may.ACCOUNT_SELF), lambda s: page(s, "account"), own=True),
    Url(
        PAGES + "account",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, "account"),
        body=lambda s: {"name": "Somebody"},
        own=True,
        succeeds=(302,),
        fresh=True,
    ),
    *(
        Url(
            PAGES + f"account/{rest}",
            method,
            Requires(may.ACCOUNT_SELF),
            lambda s, rest=rest: page(s, f"account/{rest}"),
            body=lambda s: {},
            own=True,
            succeeds=(200,) if method == "GET" else (422,),
        )
        for rest in ("password", "factor", "recovery-codes", "email", "close")
        for method in ("GET", "POST")
    ),
    # The tests' portal is reached by an address of numbers, for which there are no passkeys.
    *(
        Url(
            PAGES + f"account/passkeys/{route}",
            method,
            Requires(may.ACCOUNT_SELF),
            lambda s, rest=rest: page(s, f"account/passkeys/{rest.format(s.cast.alice.id)}"),
            body=lambda s: {},
            own=True,
            succeeds=(404,),
        )
        for route, rest in (
            ("new", "new"),
            ("<uuid:passkey_id>", "{}"),
            ("<uuid:passkey_id>/remove", "{}/remove"),
        )
        for method in ("GET", "POST")
    ),
    # The tests' portal has no plug-in that sends codes.
    *(
        Url(
            PAGES + f"account/numbers/<slug:kind>{rest}",
            method,
            Requires(may.ACCOUNT_SELF),
            lambda s, rest=rest: page(s, f"account/numbers/sms{rest}"),
            body=lambda s: {},
            own=True,
            succeeds=(404,),
        )
        for rest in ("", "/remove")
        for method in ("GET", "POST")
    ),
    Url(
        PAGES + "sign-in/passkey",
        "POST",
        Public(""),
        lambda s: page(s, "sign-in/passkey"),
        body=lambda s: {},
        succeeds=(401,),
    ),
    Url(
        PAGES + "account/browsers/<uuid:browser_id>",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, f"account/browsers/{s.cast.alice.id}"),
        body=lambda s: {},
        own=True,
        succeeds=(404,),  # nobody's browser is remembered
    ),
    *(
        Url(
            PAGES + "organisation/sign-in",
            method,
            Requires(may.TENANT_EDIT, may.PEOPLE_EDIT, fresh=True),
            lambda s: page(s, "organisation/sign-in"),
            body=lambda s: {"kinds": ["app"], "remember_days": "0"},
            succeeds=status,
            reach="tenant",
        )
        for method, status in (("GET", (200,)), ("POST", (302, 422)))
    ),
    *(
        Url(
            API + "sign-in-rules",
            method,
            Requires(may.TENANT_EDIT, may.PEOPLE_EDIT, fresh=True),
            lambda s: API + "sign-in-rules",
            body=lambda s: {},
            reach="tenant",
        )
        for method in ("GET", "PATCH")
    ),
    Url(
        PAGES + "passkey-challenge",
        "POST",
        Public(""),
        lambda s: page(s, "passkey-challenge"),
        body=lambda s: {},
        succeeds=(302,),  # nobody typed a password
    ),
    Url(
        PAGES + "account/language",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, "account/language"),
        body=lambda s: {"language": "en"},
        own=True,
        succeeds=(302,),
    ),
    Url(
        PAGES + "account/sessions/others",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, "account/sessions/others"),
        own=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "account/sessions/<uuid:session_id>",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, f"account/sessions/{s.session_id}"),
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    # audit
    # Each on a fresh stage: what Charlie was refused under A's ids before stands in his own log, as he typed it.
    Url(PAGES + "audit", "GET", Requires(may.AUDIT_VIEW), lambda s: page(s, "audit"), fresh=True),
    Url(
        PAGES + "audit/export",
        "POST",
        Requires(may.AUDIT_VIEW),
        lambda s: page(s, "audit/export"),
        body=lambda s: {},
        fresh=True,
    ),
    Url(
        PAGES + "audit/watched",
        "GET",
        Requires(may.AUDIT_VIEW),
        lambda s: page(s, f"audit/watched?camera={s.camera.id}"),
        names_object=True,
    ),
    Url(
        PAGES + "audit/settings",
        "GET",
        Requires(may.AUDIT_VIEW, may.TENANT_EDIT),
        lambda s: page(s, "audit/settings"),
        fresh=True,
    ),
    Url(
        PAGES + "audit/settings",
        "POST",
        Requires(may.AUDIT_VIEW, may.TENANT_EDIT),
        lambda s: page(s, "audit/settings"),
        body=lambda s: {"retention_years": 3},
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "audit/destinations/new",
        "GET",
        Requires(may.TENANT_EDIT, fresh=True),
        lambda s: page(s, "audit/destinations/new"),
    ),
    Url(
        PAGES + "audit/destinations/new",
        "POST",
        Requires(may.TENANT_EDIT, fresh=True),
        lambda s: page(s, "audit/destinations/new"),
        body=lambda s: {"name": "Watch 2", "kind": "syslog", "address": "siem.example.invalid"},
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "audit/destinations/<uuid:destination_id>",
        "GET",
        Requires(may.TENANT_EDIT, fresh=True),
        lambda s: page(s, f"audit/destinations/{s.destination_id}"),
        names_object=True,
    ),
    Url(
        PAGES + "audit/destinations/<uuid:destination_id>",
        "POST",
        Requires(may.TENANT_EDIT, fresh=True),
        lambda s: page(s, f"audit/destinations/{s.destination_id}"),
        body=lambda s: {"name": "Watch 3", "kind": "syslog", "address": "siem.example.invalid"},
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "audit/destinations/<uuid:destination_id>/remove",
        "POST",
        Requires(may.TENANT_EDIT, fresh=True),
        lambda s: page(s, f"audit/destinations/{s.destination_id}/remove"),
        names_object=True,
        succeeds=(302,),
        fresh=True,
    ),
    Url(
        PAGES + "audit/destinations/<uuid:destination_id>/test",
        "POST",
        Requires(may.TENANT_EDIT),
        lambda s: page(s, f"audit/destinations/{s.destination_id}/test"),
        names_object=True,
    ),
    Url(
        PAGES + "account/activity",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: page(s, "account/activity"),
        own=True,
        fresh=True,
    ),
    Url(
        PAGES + "audit/<uuid:event_id>",
        "GET",
        Requires(may.AUDIT_VIEW),
        lambda s: page(s, f"audit/{s.event_id}"),
        names_object=True,
    ),
    # browser API
    Url(API + "members", "GET", Requires(may.PEOPLE_VIEW), lambda s: API + "members"),
    Url(
        API + "members/<uuid:account_id>",
        "GET",
        Requires(may.PEOPLE_VIEW, may.PEOPLE_EDIT, fresh=True),
        lambda s: f"{API}members/{s.cast.olga.id}",
        names_object=True,
        reach="tenant",
    ),
    Url(
        API + "members/<uuid:account_id>",
        "PATCH",
        Requires(may.PEOPLE_VIEW, may.PEOPLE_EDIT, fresh=True),
        lambda s: f"{API}members/{s.cast.olga.id}",
        body=lambda s: {"role": "viewer", "sites": [str(s.site.id)]},
        names_object=True,
        fresh=True,
    ),
    Url(
        API + "members/<uuid:account_id>",
        "DELETE",
        Requires(may.PEOPLE_VIEW, may.PEOPLE_EDIT, fresh=True),
        lambda s: f"{API}members/{s.cast.olga.id}",
        names_object=True,
        succeeds=(204,),
        fresh=True,
    ),
    Url(
        API + "members/<uuid:account_id>/sessions",
        "GET",
        Requires(may.PEOPLE_VIEW, may.PEOPLE_EDIT),
        lambda s: f"{API}members/{s.cast.olga.id}/sessions",
        names_object=True,
        reach="tenant",
    ),
    Url(
        API + "members/<uuid:account_id>/sessions",
        "DELETE",
        Requires(may.PEOPLE_VIEW, may.PEOPLE_EDIT),
        lambda s: f"{API}members/{s.cast.olga.id}/sessions",
        names_object=True,
    ),
    Url(
        API + "members/<uuid:account_id>/factor-link",
        "POST",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: f"{API}members/{s.cast.olga.id}/factor-link",
        names_object=True,
        succeeds=(201,),
    ),
    Url(
        API + "members/<uuid:account_id>/preview",
        "POST",
        Requires(may.PEOPLE_EDIT),
        lambda s: f"{API}members/{s.cast.olga.id}/preview",
        body=lambda s: {"role": "viewer", "sites": [str(s.site.id)]},
        names_object=True,
    ),
    Url(
        API + "members/<uuid:account_id>/rights",
        "GET",
        Requires(may.PEOPLE_VIEW),
        lambda s: f"{API}members/{s.cast.olga.id}/rights",
        names_object=True,
        reach="tenant",
    ),
    Url(
        API + "cameras/<uuid:camera_id>/people",
        "GET",
        Requires(may.PEOPLE_VIEW),
        lambda s: f"{API}cameras/{s.camera.id}/people",
        names_object=True,
        reach="tenant",
        also=(may.CAMERA_VIEW,),
    ),
    Url(
        API + "roles",
        "GET",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: API + "roles",
        reach="tenant",
    ),
    Url(
        API + "roles",
        "POST",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: API + "roles",
        body=lambda s: {"title": "Reception", "permissions": ["camera:live"]},
        succeeds=(201,),
        fresh=True,
    ),
    Url(
        API + "roles/<slug:role_key>",
        "GET",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: f"{API}roles/{s.role_key}",
        names_object=True,
        reach="tenant",
    ),
    Url(
        API + "roles/<slug:role_key>",
        "PATCH",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: f"{API}roles/{s.role_key}",
        body=lambda s: {"permissions": ["camera:live"]},
        names_object=True,
        fresh=True,
    ),
    Url(
        API + "roles/<slug:role_key>",
        "DELETE",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: f"{API}roles/{s.role_key}",
        names_object=True,
        succeeds=(204,),
        fresh=True,
    ),
    Url(
        API + "roles/<slug:role_key>/preview",
        "POST",
        Requires(may.ROLE_EDIT),
        lambda s: f"{API}roles/{s.role_key}/preview",
        body=lambda s: {"permissions": ["camera:live"]},
        names_object=True,
    ),
    Url(
        API + "roles/<slug:role_key>/hours",
        "GET",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: f"{API}roles/{s.role_key}/hours",
        names_object=True,
        reach="tenant",
    ),
    Url(
        API + "roles/<slug:role_key>/hours",
        "PUT",
        Requires(may.PEOPLE_VIEW, may.ROLE_EDIT, fresh=True),
        lambda s: f"{API}roles/{s.role_key}/hours",
        body=lambda s: {"playback_back_h": 48},
        names_object=True,
        fresh=True,
    ),
    Url(
        API + "roles/<slug:role_key>/hours/preview",
        "POST",
        Requires(may.ROLE_EDIT),
        lambda s: f"{API}roles/{s.role_key}/hours/preview",
        body=lambda s: {"playback_back_h": 48},
        names_object=True,
    ),
    Url(
        API + "organisation",
        "GET",
        Requires(may.TENANT_EDIT),
        lambda s: API + "organisation",
        reach="tenant",
    ),
    Url(
        API + "organisation",
        "PATCH",
        Requires(may.TENANT_EDIT),
        lambda s: API + "organisation",
        body=lambda s: {"timezone": "Europe/Berlin"},
        reach="tenant",
        fresh=True,
    ),
    Url(API + "invitations", "GET", Requires(may.PEOPLE_EDIT, fresh=True), lambda s: API + "invitations"),
    Url(
        API + "invitations",
        "POST",
        Requires(may.PEOPLE_EDIT, fresh=True),
        lambda s: API + "invitations",
        body=lambda s: NEWCOMER | {"sites": [str(s.site.id)]},
        names_object=True,
        not_found=(422,),  # B has no such site to invite anybody to
        succeeds=(201,),
        fresh=True,
    ),
    Url(
        API + "invitations/<uuid:invitation_id>",
        "DELETE",
        Requires(may.PEOPLE_EDIT),
        lambda s: f"{API}invitations/{s.invitation_id}",
        names_object=True,
        succeeds=(204,),
        fresh=True,
    ),
    Url(
        API + "invitations/<uuid:invitation_id>/renewal",
        "POST",
        Requires(may.PEOPLE_EDIT),
        lambda s: f"{API}invitations/{s.invitation_id}/renewal",
        names_object=True,
        succeeds=(201,),
        fresh=True,
    ),
    Url(API + "account", "GET", Requires(may.ACCOUNT_SELF), lambda s: API + "account", own=True),
    Url(
        API + "account",
        "PATCH",
        Requires(may.ACCOUNT_SELF),
        lambda s: API + "account",
        body=lambda s: {"name": "Somebody"},
        own=True,
        fresh=True,
    ),
    Url(
        API + "account/passkeys",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: API + "account/passkeys",
        own=True,
    ),
    *(
        Url(
            API + f"account/passkeys/<uuid:passkey_id>{rest}",
            method,
            Requires(may.ACCOUNT_SELF),
            lambda s, rest=rest: f"{API}account/passkeys/{s.cast.alice.id}{rest}",
            body=lambda s: {"name": "Laptop"},
            own=True,
            succeeds=(404,),  # nobody has one
        )
        for method, rest in (("PATCH", ""), ("POST", "/removal"))
    ),
    Url(
        API + "account/numbers",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: API + "account/numbers",
        own=True,
    ),
    # The tests' portal has no plug-in that sends codes.
    *(
        Url(
            API + f"account/numbers/<slug:kind>{rest}",
            "POST",
            Requires(may.ACCOUNT_SELF),
            lambda s, rest=rest: f"{API}account/numbers/sms{rest}",
            body=lambda s: {"password": "x", "code": "123456", "number": "+4930123456"},
            own=True,
            succeeds=(404,),
        )
        for rest in ("", "/confirmation", "/removal")
    ),
    Url(
        API + "account/codes",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: API + "account/codes",
        body=lambda s: {"kind": "email-code"},
        own=True,
        succeeds=(422,),  # nobody's rules accept codes that are sent
    ),
    *(
        Url(
            API + f"account/{rest}",
            "POST",
            Requires(may.ACCOUNT_SELF),
            lambda s, rest=rest: f"{API}account/{rest}",
            body=lambda s: {"email": "new@example.org", "password": PASSWORD, "code": "000000"},
            own=True,
            succeeds=(422,),  # no code of anybody's
            fresh=True,
        )
        for rest in ("email", "closure")
    ),
    Url(
        API + "account/freshness",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: API + "account/freshness",
        body=lambda s: {"code": ""},
        own=True,
        succeeds=(422,),
    ),
    Url(
        API + "account/password",
        "POST",
        Requires(may.ACCOUNT_SELF),
        lambda s: API + "account/password",
        body=lambda s: {"password": PASSWORD, "new_password": "walnut ferry lantern meadow"},
        own=True,
        fresh=True,
    ),
    Url(API + "sessions", "GET", Requires(may.ACCOUNT_SELF), lambda s: API + "sessions", own=True),
    Url(
        API + "sessions",
        "DELETE",
        Requires(may.ACCOUNT_SELF),
        lambda s: API + "sessions",
        own=True,
        fresh=True,
    ),
    Url(
        API + "sessions/<uuid:session_id>",
        "DELETE",
        Requires(may.ACCOUNT_SELF),
        lambda s: f"{API}sessions/{s.session_id}",
        names_object=True,
        succeeds=(204,),
        fresh=True,
    ),
    Url(API + "audit", "GET", Requires(may.AUDIT_VIEW), lambda s: API + "audit", fresh=True, reach="tenant"),
    Url(
        API + "audit.csv",
        "GET",
        Requires(may.AUDIT_VIEW),
        lambda s: API + "audit.csv",
        fresh=True,
        reach="tenant",
    ),
    Url(
        API + "audit.jsonl",
        "GET",
        Requires(may.AUDIT_VIEW),
        lambda s: API + "audit.jsonl",
        fresh=True,
        reach="tenant",
    ),
    Url(
        API + "audit/watchers",
        "GET",
        Requires(may.AUDIT_VIEW),
        lambda s: f"{API}audit/watchers?camera={s.camera.id}",
        names_object=True,
        reach="tenant",
    ),
    Url(
        API + "audit/policy",
        "GET",
        Requires(may.AUDIT_VIEW, may.TENANT_EDIT),
        lambda s: API + "audit/policy",
        reach="tenant",
    ),
    Url(
        API + "audit/policy",
        "PATCH",
        Requires(may.AUDIT_VIEW, may.TENANT_EDIT),
        lambda s: API + "audit/policy",
        body=lambda s: {"retention_years": 4},
        reach="tenant",
        also=(may.AUDIT_VIEW,),
    ),
    Url(
        API + "audit/destinations",
        "GET",
        Requires(may.AUDIT_VIEW, may.TENANT_EDIT, fresh=True),
        lambda s: API + "audit/destinations",
        reach="tenant",
    ),
    Url(
        API + "audit/destinations",
        "POST",
        Requires(may.AUDIT_VIEW, may.TENANT_EDIT, fresh=True),
        lambda s: API + "audit/destinations",
        body=lambda s: {"name": "Watch 4", "kind": "cef", "address": "siem.example.invalid"},
        reach="tenant",
        also=(may.AUDIT_VIEW,),
        succeeds=(201,),
        fresh=True,
    ),
    Url(
        API + "audit/destinations/<uuid:destination_id>",
        "GET",
        Requires(may.AUDIT_VIEW, may.TENANT_EDIT, fresh=True),
        lambda s: f"{API}audit/destinations/{s.destination_id}",
        names_object=True,
        reach="tenant",
    ),
    Url(
        API + "audit/destinations/<uuid:destination_id>",
        "PATCH",
        Requires(may.AUDIT_VIEW, may.TENANT_EDIT, fresh=True),
        lambda s: f"{API}audit/destinations/{s.destination_id}",
        body=lambda s: {"enabled": True},
        names_object=True,
        reach="tenant",
        also=(may.AUDIT_VIEW,),
    ),
    Url(
        API + "audit/destinations/<uuid:destination_id>",
        "DELETE",
        Requires(may.AUDIT_VIEW, may.TENANT_EDIT, fresh=True),
        lambda s: f"{API}audit/destinations/{s.destination_id}",
        names_object=True,
        reach="tenant",
        also=(may.AUDIT_VIEW,),
        succeeds=(204,),
        fresh=True,
    ),
    Url(
        API + "audit/destinations/<uuid:destination_id>/test",
        "POST",
        Requires(may.TENANT_EDIT),
        lambda s: f"{API}audit/destinations/{s.destination_id}/test",
        names_object=True,
        reach="tenant",
        also=(may.AUDIT_VIEW,),
    ),
    Url(
        API + "account/activity",
        "GET",
        Requires(may.ACCOUNT_SELF),
        lambda s: API + "account/activity",
        own=True,
        fresh=True,
        reach="account",
    ),
    Url(
        API + "audit/<uuid:event_id>",
        "GET",
        Requires(may.AUDIT_VIEW),
        lambda s: f"{API}audit/{s.event_id}",
        names_object=True,
        reach="tenant",
    ),
    Url(
        API + "stills",
        "POST",
        Requires(may.CAMERA_PLAYBACK),
        lambda s: API + "stills",
        body=lambda s: {"stills": [{"camera": str(s.camera.id)}], "hpke_public": "CQ" + "A" * 41},
        names_object=True,
    ),
    Url(
        API + "motion-maps",
        "POST",
        Requires(may.CAMERA_PLAYBACK),
        lambda s: API + "motion-maps",
        body=lambda s: {
            "camera": str(s.camera.id),
            "from_us": 1764061200000000,
            "to_us": 1764064800000000,
            "hpke_public": "CQ" + "A" * 41,
        },
        names_object=True,
    ),
    Url(API + "views", "GET", Requires(may.CAMERA_VIEW, may.VIEW_EDIT), lambda s: API + "views"),
    Url(
        API + "views",
        "POST",
        Requires(may.CAMERA_VIEW, may.VIEW_EDIT),
        lambda s: API + "views",
        body=lambda s: {"name": "Mine", "cameras": [str(s.camera.id)]},
        names_object=True,
        succeeds=(201,),
        fresh=True,
        also=(may.CAMERA_VIEW,),
    ),
    Url(
        API + "views/<uuid:view_id>",
        "PATCH",
        Requires(may.VIEW_EDIT),
        lambda s: f"{API}views/{s.view_id}",
        body=lambda s: {"layout": "2x2"},
        names_object=True,
        reach="account",
        also=(may.CAMERA_VIEW,),
    ),
    Url(
        API + "views/<uuid:view_id>",
        "DELETE",
        Requires(may.VIEW_EDIT),
        lambda s: f"{API}views/{s.view_id}",
        names_object=True,
        succeeds=(204,),
        fresh=True,
        reach="account",
        also=(may.CAMERA_VIEW,),
    ),
    # customer-held keys; the portal holds those of this organisation
    Url("/code.json", "GET", Public(""), lambda s: "/code.json"),
    Url(
        PAGES + "account/keys", "GET", Requires(may.ACCOUNT_SELF), lambda s: page(s, "account/keys"), own=True
    ),
    Url(PAGES + "keys", "GET", Requires(may.KEYS_HOLD), lambda s: page(s, "keys"), reach="tenant"),
    Url(API + "keys", "GET", Requires(may.ACCOUNT_SELF), lambda s: API + "keys", own=True),
    Url(
        API + "keys/own",
        "POST",
        Requires(may.ACCOUNT_SELF, fresh=True),
        lambda s: API + "keys/own",
        body=lambda s: {"public": "CQ" + "A" * 41, "ways": [WAY]},
        own=True,
        succeeds=(201,),
        fresh=True,
    ),
    Url(
        API + "keys/own/ways",
        "POST",
        Requires(may.ACCOUNT_SELF, fresh=True),
        lambda s: API + "keys/own/ways",
        body=lambda s: WAY,
        own=True,
        succeeds=(409,),  # nobody has a key of their own
    ),
    Url(
        API + "keys/own/ways/<uuid:way_id>",
        "DELETE",
        Requires(may.ACCOUNT_SELF, fresh=True),
        lambda s: f"{API}keys/own/ways/{s.cast.alice.id}",
        own=True,
        succeeds=(409,),
    ),
    *(
        Url(
            API + f"keys/{rest}",
            "GET",
            Requires(may.KEYS_HOLD),
            lambda s, rest=rest, query=query: f"{API}keys/{rest}{query.format(s.camera.id)}",
            reach="tenant",
            succeeds=(status,),
        )
        for rest, query, status in (
            ("held/offer", "", 200),
            ("held/cameras", "", 200),
            ("statement-requests", "", 409),
            ("people", "", 409),
            ("rolls", "", 409),
            ("envelopes", "?camera={}&kind=0&below_epoch=1", 409),
        )
    ),
    *(
        Url(
            API + f"keys/{rest}",
            "POST",
            Requires(may.KEYS_HOLD, fresh=rest != "envelopes"),
            lambda s, rest=rest: f"{API}keys/{rest}",
            body=lambda s: {},
            reach="tenant",
            succeeds=(status,),
        )
        for rest, status in (("held", 422), ("held/handover", 409), ("statements", 409), ("envelopes", 409))
    ),
    *(
        Url(
            API + f"keys/people/<uuid:account_id>/{rest}",
            method,
            Requires(may.KEYS_HOLD, fresh=True),
            lambda s, rest=rest: f"{API}keys/people/{s.cast.olga.id}/{rest}",
            body=lambda s: {},
            names_object=True,
            reach="tenant",
            succeeds=(409,),
        )
        for method, rest in (("POST", "shares"), ("POST", "vault"), ("DELETE", "vault"))
    ),
    # asking an agent something now
    Url(
        API + "camera-tests",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-tests",
        body=lambda s: {
            "agent": str(s.present_agent_id),
            "url": "rtsp://192.0.2.9/main",
            "hpke_public": "CQ" + "A" * 41,
        },
        names_object=True,
        succeeds=(202,),
    ),
    Url(
        API + "camera-tests/<uuid:test_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-tests/{s.address_test_id}",
        names_object=True,
    ),
    Url(
        API + "camera-searches",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-searches",
        body=lambda s: {"agent": str(s.present_agent_id)},
        names_object=True,
        succeeds=(202,),
    ),
    Url(
        API + "camera-searches/<uuid:search_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-searches/{s.search_id}",
        names_object=True,
    ),
    Url(
        API + "camera-looks",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-looks",
        body=lambda s: {"agent": str(s.present_agent_id), "cameras": [{"service": "192.0.2.9"}]},
        names_object=True,
        succeeds=(202,),
    ),
    Url(
        API + "camera-looks/<uuid:look_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-looks/{s.look_id}",
        names_object=True,
    ),
    Url(
        API + "camera-looks/<uuid:look_id>/cameras",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-looks/{s.look_id}/cameras",
        body=lambda s: {"cameras": [{"id": str(s.view_id), "name": "Fifth", "main": "1"}]},
        names_object=True,
    ),
    Url(
        API + "camera-looks/<uuid:look_id>/cameras/<uuid:found_id>/settings",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-looks/{s.look_id}/cameras/{s.view_id}/settings",
        body=lambda s: {"ntp": "192.0.2.1"},
        names_object=True,
        succeeds=(202,),
    ),
    Url(
        API + "camera-settings/<uuid:setting_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-settings/{s.setting_id}",
        names_object=True,
    ),
    Url(
        API + "camera-imports",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-imports",
        body=lambda s: {"agent": str(s.agent_id), "table": "name,address\nSeventh,rtsp://192.0.2.6/x"},
        names_object=True,
    ),
    Url(
        API + "camera-imports/<uuid:import_id>/cameras",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}camera-imports/{s.import_id}/cameras",
        names_object=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/steering",
        "POST",
        Requires(may.CAMERA_PTZ),
        lambda s: f"{API}cameras/{s.steered_camera_id}/steering",
        body=lambda s: {"act": "move", "pan": 0.5},
        names_object=True,
        succeeds=(202,),
        fresh=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/steering/<uuid:order_id>",
        "GET",
        Requires(may.CAMERA_PTZ),
        lambda s: f"{API}cameras/{s.camera.id}/steering/{s.view_id}",
        names_object=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/certificate",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}cameras/{s.camera.id}/certificate",
        names_object=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/certificate",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}cameras/{s.camera.id}/certificate",
        body=lambda s: {"agent": str(s.present_agent_id)},
        names_object=True,
        succeeds=(202,),
        fresh=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/offers",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}cameras/{s.camera.id}/offers",
        names_object=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/offers",
        "POST",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}cameras/{s.camera.id}/offers",
        body=lambda s: {"agent": str(s.present_agent_id)},
        names_object=True,
        succeeds=(202,),
    ),
    Url(
        API + "cameras/<uuid:camera_id>/offers/<uuid:order_id>",
        "GET",
        Requires(may.CAMERA_EDIT),
        lambda s: f"{API}cameras/{s.camera.id}/offers/{s.view_id}",
        names_object=True,
    ),
    Url(
        API + "cameras/<uuid:camera_id>/uploads",
        "POST",
        Requires(may.CAMERA_PLAYBACK),
        lambda s: f"{API}cameras/{s.camera.id}/uploads",
        body=lambda s: {"from_us": 1, "to_us": 60_000_000, "agent": str(s.present_agent_id)},
        names_object=True,
        succeeds=(202,),
    ),
    Url(
        API + "cameras/<uuid:camera_id>/uploads/<uuid:order_id>",
        "GET",
        Requires(may.CAMERA_PLAYBACK),
        lambda s: f"{API}cameras/{s.camera.id}/uploads/{s.view_id}",
        names_object=True,
    ),
]

CONSUMERS: list[Consumer] = [
    # Both are agents with a control socket of their own; `sockets.control` looks at what each is told.
    Consumer(AGENT + "control", AgentOnly(), sockets.control, frozenset({"agent_a", "agent_b"})),
    Consumer(AGENT + "media/<uuid:publish_id>", AgentOnly(), sockets.media, frozenset({"agent_a"})),
    Consumer("/live", Requires(may.CAMERA_LIVE), sockets.live, frozenset({"alice"})),
]

TASKS: list[Task] = [
    Task("vsaas.accounts.tasks.remove_ended", Platform),
    Task(
        "vsaas.accounts.tasks.send_code",
        Platform,
        lambda s: (str(s.cast.tenant_a.id), str(s.cast.alice.id), "a" * 64, "en"),  # nobody asked for one
    ),
    Task("vsaas.agents.tasks.renew_keys", Platform),
    Task("vsaas.agents.tasks.renew_keys_of_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.agents.tasks.roll_out", Platform),
    Task("vsaas.agents.tasks.roll_out_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.alarms.tasks.forget_in_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.alarms.tasks.forget_old", Platform),
    Task("vsaas.alarms.tasks.look", Platform),
    Task("vsaas.alarms.tasks.look_at_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.alarms.tasks.look_everywhere", Platform),
    Task("vsaas.audit.tasks.forward_audit", Platform),
    Task("vsaas.audit.tasks.forward_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.audit.tasks.forward_platform", Platform),
    Task("vsaas.audit.tasks.prune_audit", Platform),
    Task("vsaas.audit.tasks.prune_platform", Platform),
    Task("vsaas.audit.tasks.prune_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.audit.tasks.sequence_audit", Platform),
    Task("vsaas.audit.tasks.sign_audit", Platform),
    Task("vsaas.cameras.tasks.certificates_of_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.cameras.tasks.go_on_with_certificates", Platform),
    Task("vsaas.cameras.tasks.go_on_with_passwords", Platform),
    Task("vsaas.cameras.tasks.passwords_of_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.common.tasks.pulse", Platform),
    Task("vsaas.keys.tasks.look_after_keys", Platform),
    Task("vsaas.keys.tasks.look_after_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.mail.tasks.remove_old_messages", Platform),
    Task(
        "vsaas.mail.tasks.send_message",
        Platform,
        lambda s: (str(s.cast.tenant_a.id), str(s.failed_message_id)),
    ),
    Task("vsaas.mail.tasks.send_platform_message", Platform, lambda s: (str(s.failed_message_id),)),
    Task("vsaas.mail.tasks.send_waiting", Platform),
    Task("vsaas.footage.tasks.check_footage", Platform),
    Task("vsaas.footage.tasks.check_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.footage.tasks.confirm_hours", Platform, lambda s: (str(s.cast.tenant_a.id), [])),
    Task("vsaas.footage.tasks.confirm_pending", Platform),
    Task("vsaas.footage.tasks.confirm_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
    Task("vsaas.footage.tasks.count_state", Platform),
    Task("vsaas.footage.tasks.ensure_partitions", Platform),
    Task("vsaas.footage.tasks.sweep_retention", Platform),
    Task("vsaas.footage.tasks.sweep_tenant", Platform, lambda s: (str(s.cast.tenant_a.id),)),
]
