"""Finding cameras by the agent at the site, and looking at those that were chosen (`protocol.finding`).

Nothing of it is in the database: Redis keeps for half an hour, for whoever asked, what the agent reported. User and
password of a camera are sealed to the agent as they come in. What the agent reports of a camera it looked at holds its
addresses sealed to the agent itself, so that they can be added without the password being typed, or kept, a second time.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import redis
from django.utils.translation import gettext_lazy as _

from protocol.camera_source import seal_source
from protocol.errors import ProtocolError
from protocol.finding import (
    TARGETS_MAX,
    Device,
    FindCameras,
    LookAt,
    Looked,
    Profile,
    Target,
    addresses_of,
    check_service,
    decode_devices,
    decode_looks,
)
from protocol.order import DONE, UNDER_WAY, Answer
from sealing.errors import SealingError
from sealing.ids import Stream
from tenants.access import Actor
from tenants.errors import NotFound
from vsaas.agents.asking import answer_of, ask
from vsaas.agents.models import Agent, AgentKey, AgentKeyPurpose
from vsaas.audit.services import What, record_act, who
from vsaas.cameras import acts
from vsaas.cameras.addresses import join_credentials, wrong_in_words
from vsaas.cameras.errors import InvalidSearch, NotReady
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera, SealedAddress, cameras_add
from vsaas.common import clock
from vsaas.common.errors import Unavailable, VsaasError
from vsaas.common.redis import client

KEPT_S = 1800
SEARCH_S = 60
"""Beside the probing itself: WS-Discovery takes 4 s, asking what was found for ONVIF some more."""
PROBES_A_SECOND = 40
LOOK_S = 200
"""Sixteen cameras, four at a time, 45 s each at the most."""

SEARCH, LOOK = "search", "look"
WAITING, WORKING, FINISHED, STOPPED, BUSY = "waiting", "working", "done", "stopped", "busy"
"""`stopped`: the agent did not finish in time. `busy`: it has another search or look to do first."""


@dataclass(frozen=True)
class Asking:
    """A search or a look of one's own, as it stands now. `services`: of a look, the service of each target."""

    id: UUID
    agent: UUID
    expires_us: int
    services: Mapping[UUID, str]
    answer: Answer | None

    @property
    def state(self) -> str:
        if self.answer is not None and self.answer.outcome == DONE:
            return FINISHED
        if self.answer is not None and self.answer.outcome != UNDER_WAY:
            return BUSY
        if clock.now_us() > self.expires_us:
            return STOPPED
        return WAITING if self.answer is None else WORKING

    @property
    def is_over(self) -> bool:
        return self.state in (FINISHED, STOPPED, BUSY)

    @property
    def done_percent(self) -> int:
        return 0 if self.answer is None or self.state == BUSY else min(100, self.answer.number)

    def devices(self) -> tuple[Device, ...]:
        """What a search has found so far. Raises Unavailable."""
        return _decoded(decode_devices, self.answer)

    def looks(self) -> tuple[Looked, ...]:
        """The cameras that were looked at so far. Raises Unavailable."""
        return tuple(look for look in _decoded(decode_looks, self.answer) if look.scope in self.services)


def _decoded(decode: Any, answer: Answer | None) -> Any:
    if answer is None or not answer.report:
        return ()
    try:
        return decode(answer.report)
    except (ProtocolError, SealingError) as error:
        raise Unavailable(_("the agent's answer makes no sense: is it of another release?")) from error


@dataclass(frozen=True)
class Wanted:
    """A camera to look at. `service`: its ONVIF device service, or its address alone. `said`: its name when it was found."""

    service: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    said: str = ""


@dataclass(frozen=True)
class Choice:
    """A camera of a look to add: the tokens of the profiles that become its streams."""

    scope: UUID
    name: str
    main: str
    sub: str = ""
    audio: bool = True
    retention_days: int | None = None
    groups: Sequence[str] = ()


def begin_search(
    agent: Agent, actor: Actor, *, multicast: bool, ranges: Sequence[str], ports: Sequence[int] = (554,)
) -> Asking:
    """Has the agent search. Raises InvalidSearch, AgentOffline, TooMany, Unavailable.

    The caller has checked that the actor holds `camera:edit` on the agent.
    """
    try:
        addresses = addresses_of(ranges)
        task = FindCameras.of(multicast, list(ranges), list(ports))
    except ProtocolError as error:
        raise InvalidSearch("ranges", error.detail) from None
    if not multicast and not addresses:
        raise InvalidSearch("ranges", _("choose a way to search, or name addresses"))
    lives_s = SEARCH_S + len(addresses) * len(ports) // PROBES_A_SECOND
    asking = _begin(agent, actor, SEARCH, task, lives_s, {})
    on = What("agent", str(agent.id), agent.name)
    record_act(acts.SEARCHED, who(actor), on, ranges=", ".join(ranges))
    return asking


def begin_look(agent: Agent, actor: Actor, wanted: Sequence[Wanted], *, factory: bool) -> Asking:
    """Has the agent look at cameras. Raises InvalidSearch, AgentOffline, TooMany, Unavailable; as `begin_search`."""
    if not 1 <= len(wanted) <= TARGETS_MAX:
        raise InvalidSearch("cameras", _("choose 1 to %(most)s cameras") % {"most": TARGETS_MAX})
    box = bytes(AgentKey.objects.get(agent_id=agent.id, purpose=AgentKeyPurpose.BOX).public_key)
    targets = tuple(_target(agent, one, box) for one in wanted)
    services = {target.scope: target.service for target in targets}
    asking = _begin(agent, actor, LOOK, LookAt(targets, factory), LOOK_S, services)
    on = What("agent", str(agent.id), agent.name)
    hosts = ", ".join(urlsplit(service).hostname or "" for service in services.values())
    tried = "tried" if factory else "not tried"
    record_act(acts.LOOKED_AT, who(actor), on, addresses=hosts, factory_passwords=tried)
    return asking


def _target(agent: Agent, wanted: Wanted, box: bytes) -> Target:
    text = wanted.service.strip()
    if "://" not in text:
        host = f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text
        text = f"http://{host}/onvif/device_service"
    scope = uuid.uuid4()
    try:
        check_service(text)
        host = urlsplit(text).hostname or ""
        address = f"rtsp://[{host}]/" if ":" in host else f"rtsp://{host}/"
        url = join_credentials(address, wanted.user, wanted.password)
        return Target(
            scope, seal_source(agent.tenant_id, scope, Stream.MAIN, url, box), text, wanted.said[:400]
        )
    except ProtocolError as error:
        raise InvalidSearch("cameras", wrong_in_words(error)) from None


def _begin(
    agent: Agent,
    actor: Actor,
    kind: str,
    task: FindCameras | LookAt,
    lives_s: int,
    services: Mapping[UUID, str],
) -> Asking:
    order = ask(agent, task, lives_s=lives_s)
    asking = Asking(order, agent.id, clock.now_us() + lives_s * 1_000_000, services, None)
    kept = {
        "account": str(actor.account_id),
        "agent": str(agent.id),
        "expires_us": asking.expires_us,
        "services": {str(scope): service for scope, service in services.items()},
    }
    try:
        client().set(_key(actor, kind, order), json.dumps(kept), ex=KEPT_S)
    except redis.RedisError as error:
        raise Unavailable(_("the agent cannot be asked now: Redis does not answer; try again")) from error
    return asking


def found(actor: Actor, kind: str, asking_id: UUID) -> Asking:
    """A search or look of the actor's own, as it stands now. Raises NotFound, Unavailable."""
    key = _key(actor, kind, asking_id)
    try:
        kept = client().get(key)
        document = json.loads(kept) if kept is not None else {}
        if document.get("account") != str(actor.account_id):
            raise NotFound()
        agent = UUID(document["agent"])
        last = client().get(f"{key}:answer")
        answer = Answer.decode(bytes(last)) if last is not None else answer_of(agent, asking_id)
        if answer is not None and last is None and answer.outcome == DONE:
            # The agent's answer itself is kept for two minutes, which is short for typing names.
            client().set(f"{key}:answer", answer.encode(), ex=KEPT_S)
    except redis.RedisError as error:
        raise Unavailable(_("the answer cannot be read now: Redis does not answer; try again")) from error
    services = {UUID(scope): service for scope, service in document["services"].items()}
    return Asking(asking_id, agent, document["expires_us"], services, answer)


def _key(actor: Actor, kind: str, order: UUID) -> str:
    return f"vsaas:camera-{kind}:{actor.tenant_id}:{order}"


def add_looked(
    agent: Agent, actor: Actor, asking: Asking, choices: Sequence[Choice]
) -> list[Camera | VsaasError]:
    """Adds cameras of a look, all at once; for each the camera, or why it was not added.

    The caller has checked that the actor holds `camera:edit` on the agent, and that the look is the actor's.
    """
    looks = {look.scope: look for look in asking.looks()}
    rows = [_new_camera(looks.get(choice.scope), choice) for choice in choices]
    added = iter(cameras_add(agent, [row for row in rows if isinstance(row, NewCamera)], who(actor)))
    return [next(added) if isinstance(row, NewCamera) else row for row in rows]


def _new_camera(look: Looked | None, choice: Choice) -> NewCamera | VsaasError:
    if look is None or look.cause:
        return NotReady(_("this camera was not seen: look at it again, with the right user and password"))
    profiles = {profile.token: profile for profile in look.profiles}
    main, sub = profiles.get(choice.main), profiles.get(choice.sub)
    if main is None or not main.main:
        return InvalidSearch("main", _("choose one of the streams the camera offers"))
    if choice.sub and (sub is None or not sub.sub):
        return InvalidSearch("sub", _("choose one of the streams the camera offers"))
    return NewCamera(
        name=choice.name,
        main_url=_sealed(main, main.main),
        sub_url=None if sub is None else _sealed(sub, sub.sub),
        audio=choice.audio,
        retention_days=choice.retention_days,
        groups=choice.groups,
        id=choice.scope,
    )


def _sealed(profile: Profile, envelope: bytes) -> SealedAddress:
    return SealedAddress(envelope, "rtsps" if profile.encrypted else "rtsp")
