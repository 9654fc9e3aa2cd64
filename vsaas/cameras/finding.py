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
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import redis
from django.utils.translation import gettext_lazy as _

from protocol import b64
from protocol.camera_source import seal_source
from protocol.errors import ProtocolError
from protocol.finding import (
    TARGETS_MAX,
    Device,
    EncoderSetting,
    FindCameras,
    LookAt,
    Looked,
    Profile,
    SetCamera,
    Target,
    addresses_of,
    check_service,
    decode_devices,
    decode_looks,
    decode_set,
)
from protocol.order import DONE, UNDER_WAY, Answer
from sealing.errors import SealingError
from sealing.ids import Stream
from tenants.access import Actor
from tenants.errors import NotFound
from vsaas.agents.asking import answer_of, ask
from vsaas.agents.models import Agent, AgentKeyPurpose, key_in_force
from vsaas.audit.services import What, record_act, who
from vsaas.cameras import acts
from vsaas.cameras.addresses import join_credentials, wrong_in_words
from vsaas.cameras.errors import InvalidSearch, NotReady
from vsaas.cameras.models import Camera
from vsaas.cameras.offers import offers_of
from vsaas.cameras.services import NewCamera, SealedAddress, cameras_add
from vsaas.common import clock
from vsaas.common.errors import Unavailable, VsaasError
from vsaas.common.redis import client
from vsaas.common.zones import posix_rule

KEPT_S = 1800
SEARCH_S = 60
"""Beside the probing itself: WS-Discovery takes 4 s, asking what was found for ONVIF some more."""
PROBES_A_SECOND = 40
LOOK_S = 200
"""Sixteen cameras, four at a time, 45 s each at the most."""

SET_S = 60
SEARCH, LOOK, SETTING = "search", "look", "setting"
WAITING, WORKING, FINISHED, STOPPED, BUSY = "waiting", "working", "done", "stopped", "busy"
"""`stopped`: the agent did not finish in time. `busy`: it has another search or look to do first."""


@dataclass(frozen=True)
class Asking:
    """A search, a look or a setting of one's own, as it stands now. `targets`: of a look or setting, the cameras by id, with
    their user and password as they were sealed to the agent."""

    id: UUID
    agent: UUID
    expires_us: int
    targets: Mapping[UUID, Target]
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
        return tuple(look for look in _decoded(decode_looks, self.answer) if look.scope in self.targets)

    def results(self) -> tuple[tuple[str, str], ...]:
        """Of a setting: the token of a profile or TIME, and "" or why it was refused. Raises Unavailable."""
        return cast(tuple[tuple[str, str], ...], _decoded(decode_set, self.answer))


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
    asking = _begin(agent, actor, SEARCH, task, lives_s, ())
    on = What("agent", str(agent.id), agent.name)
    record_act(acts.SEARCHED, who(actor), on, ranges=", ".join(ranges))
    return asking


def begin_look(agent: Agent, actor: Actor, wanted: Sequence[Wanted], *, factory: bool) -> Asking:
    """Has the agent look at cameras. Raises InvalidSearch, AgentOffline, TooMany, Unavailable; as `begin_search`."""
    if not 1 <= len(wanted) <= TARGETS_MAX:
        raise InvalidSearch("cameras", _("choose 1 to %(most)s cameras") % {"most": TARGETS_MAX})
    box = bytes(key_in_force(agent.id, AgentKeyPurpose.BOX).public_key)
    targets = tuple(_target(agent, one, box) for one in wanted)
    asking = _begin(agent, actor, LOOK, LookAt(targets, factory), LOOK_S, targets)
    on = What("agent", str(agent.id), agent.name)
    hosts = ", ".join(urlsplit(target.service).hostname or "" for target in targets)
    tried = "tried" if factory else "not tried"
    record_act(acts.LOOKED_AT, who(actor), on, addresses=hosts, factory_passwords=tried)
    return asking


def begin_setting(
    agent: Agent,
    actor: Actor,
    look: Asking,
    camera: UUID,
    *,
    encoders: Sequence[EncoderSetting],
    ntp: str,
    time_zone: str,
) -> Asking:
    """Has the agent set a camera of a look, with the user and password it was looked at with. `time_zone`: IANA, "" leaves it.

    Raises NotFound, InvalidSearch, AgentOffline, TooMany, Unavailable; as `begin_search`.
    """
    target = look.targets.get(camera)
    if target is None:
        raise NotFound()
    if not encoders and not ntp and not time_zone:
        raise InvalidSearch("settings", _("there is nothing to set"))
    try:
        rule = posix_rule(time_zone) if time_zone else ""
        task = SetCamera.of(target.row(), [one.row() for one in encoders], ntp, rule)
    except ProtocolError as error:
        raise InvalidSearch("ntp", error.detail) from None
    except LookupError:
        raise InvalidSearch("time_zone", _("this time zone is not known")) from None
    asking = _begin(agent, actor, SETTING, task, SET_S, [target])
    on = What("agent", str(agent.id), agent.name)
    record_act(acts.CAMERA_SET, who(actor), on, address=urlsplit(target.service).hostname or "")
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
    task: FindCameras | LookAt | SetCamera,
    lives_s: int,
    targets: Sequence[Target],
) -> Asking:
    order = ask(agent, task, lives_s=lives_s)
    by_scope = {target.scope: target for target in targets}
    asking = Asking(order, agent.id, clock.now_us() + lives_s * 1_000_000, by_scope, None)
    kept = {
        "account": str(actor.account_id),
        "agent": str(agent.id),
        "expires_us": asking.expires_us,
        "targets": {str(one.scope): [b64.encode(one.source), one.service, one.said] for one in targets},
    }
    try:
        client().set(_key(actor, kind, order), json.dumps(kept), ex=KEPT_S)
    except redis.RedisError as error:
        raise Unavailable(_("the agent cannot be asked now: Redis does not answer; try again")) from error
    return asking


def found(actor: Actor, kind: str, asking_id: UUID) -> Asking:
    """A search, look or setting of the actor's own, as it stands now. Raises NotFound, Unavailable."""
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
    targets = {
        UUID(scope): Target(UUID(scope), b64.decode(source), service, said)
        for scope, (source, service, said) in document["targets"].items()
    }
    return Asking(asking_id, agent, document["expires_us"], targets, answer)


def _key(actor: Actor, kind: str, order: UUID) -> str:
    return f"vsaas:camera-{kind}:{actor.tenant_id}:{order}"


def add_looked(
    agent: Agent, actor: Actor, asking: Asking, choices: Sequence[Choice]
) -> list[Camera | VsaasError]:
    """Adds cameras of a look, all at once; for each the camera, or why it was not added.

    The caller has checked that the actor holds `camera:edit` on the agent, and that the look is the actor's.
    """
    looks = {look.scope: look for look in asking.looks()}
    rows = [_new_camera(looks.get(choice.scope), choice, asking.targets) for choice in choices]
    added = iter(cameras_add(agent, [row for row in rows if isinstance(row, NewCamera)], who(actor)))
    return [next(added) if isinstance(row, NewCamera) else row for row in rows]


def _new_camera(
    look: Looked | None, choice: Choice, targets: Mapping[UUID, Target]
) -> NewCamera | VsaasError:
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
        service=targets[choice.scope].service,
        offers=offers_of(look),
        hardware={name: getattr(look, name) for name in ("make", "model", "firmware", "serial")},
    )


def _sealed(profile: Profile, envelope: bytes) -> SealedAddress:
    return SealedAddress(envelope, "rtsps" if profile.encrypted else "rtsp")
