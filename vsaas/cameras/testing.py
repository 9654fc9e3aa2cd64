"""Trying a camera's address before it is saved: the agent at the site does it and shows the asking browser the picture.

The picture is sealed to that browser's key; of the rest the portal keeps for two minutes who asked, and writes down that
it was asked, never the address or the password.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from uuid import UUID

import redis
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from protocol.camera_source import seal_source
from protocol.errors import ProtocolError
from protocol.order import PICTURE, Answer, TryAddress
from sealing.ids import Stream
from tenants.access import Actor
from tenants.errors import NotFound
from vsaas.agents.asking import KEPT_S, answer_of, ask
from vsaas.agents.models import Agent, AgentKeyPurpose, key_in_force
from vsaas.audit.services import What, record_act, who
from vsaas.cameras import acts
from vsaas.cameras.addresses import join_credentials, with_scheme, wrong_in_words
from vsaas.cameras.errors import InvalidCamera
from vsaas.cameras.models import Camera, CameraSource, StreamKind
from vsaas.common import clock
from vsaas.common.errors import Unavailable
from vsaas.common.redis import client

LIVES_S = 45
"""Connecting, signing in and describing take up to 25 s, the first key frame up to 15."""

REASONS: dict[str, tuple[Promise, Promise]] = {
    "refused": (
        _("The device at this address refuses the connection."),
        _("Check the port, and whether RTSP is switched on in the camera."),
    ),
    "no-route": (
        _("The agent's network has no way to this address."),
        _("Check the address, and whether camera and agent are on the same network."),
    ),
    "unknown-name": (
        _("The agent's network does not know this host name."),
        _("Check the spelling, or type the camera's IP address."),
    ),
    "tls": (
        _("The camera does not speak TLS at this port."),
        _("Begin the address with rtsp:// instead of rtsps://, or check the port."),
    ),
    "credentials": (
        _("The camera refuses the user name or the password."),
        _("Type them again. Some cameras have a user of their own for RTSP."),
    ),
    "moved": (
        _("The camera sends the agent on to another machine, or to an address without encryption."),
        _("Type the address of the stream itself."),
    ),
    "no-path": (
        _("The camera has no stream of this path."),
        _("Look up the path in the camera's manual; it follows the host in the address."),
    ),
    "not-rtsp": (
        _("What answers at this address does not speak RTSP."),
        _("Check the port: it is mostly 554."),
    ),
    "no-video": (
        _("The camera offers no video in this stream."),
        _("Choose another path, or switch video on in the camera."),
    ),
    "codec": (
        _("The camera sends video that cannot be recorded."),
        _("Choose H.264 or H.265 in the camera's settings."),
    ),
    "no-key-frame": (
        _("The camera answers, but sent no whole picture in time."),
        _("Choose a shorter key frame interval in the camera, such as 2 seconds, and try again."),
    ),
    "timeout": (
        _("Nothing at this address answers."),
        _("Check the address, and whether the camera has power and network."),
    ),
    "closed": (
        _("The camera ended the connection."),
        _("It may serve too many viewers already, or be restarting. Try again in a minute."),
    ),
    "busy-camera": (
        _("The camera says that it cannot serve now."),
        _("It may serve too many viewers already. Try again in a minute."),
    ),
    "busy": (
        _("The agent is trying other addresses at this moment."),
        _("Try again in a few seconds."),
    ),
    "unusable": (
        _("What the camera sends cannot be used."),
        _("Check the address, then the camera's video settings."),
    ),
    "no-answer": (
        _("The agent did not answer in time."),
        _("Look at the agent's page whether it is connected, then try again."),
    ),
}


@dataclass(frozen=True)
class Wish:
    """What is to be tried: an address typed, or (`url` None) the one stored for a stream of `camera`."""

    agent: Agent
    camera: Camera | None
    stream: Stream
    audio: bool
    hpke_public: bytes
    url: str | None = field(default=None, repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Test:
    """One test under way or done. `answer` None: not yet."""

    __test__ = False

    id: UUID
    agent: UUID
    expires_us: int
    answer: Answer | None = None

    @property
    def outcome(self) -> str | None:
        if self.answer is not None:
            return self.answer.outcome
        return "no-answer" if clock.now_us() > self.expires_us else None

    @property
    def shows(self) -> bool:
        return self.outcome == PICTURE


def begin(wish: Wish, actor: Actor) -> Test:
    """Has the agent try. Raises AgentOffline, TooMany, InvalidCamera, Unavailable.

    The caller has checked that the actor holds `camera:edit` on the agent, and on the camera.
    """
    scope, source = _source(wish)
    task = TryAddress(scope, int(wish.stream), source, wish.audio, wish.hpke_public)
    order = ask(wish.agent, task, lives_s=LIVES_S)
    test = Test(order, wish.agent.id, clock.now_us() + LIVES_S * 1_000_000)
    kept = {"account": str(actor.account_id), "agent": str(test.agent), "expires_us": test.expires_us}
    try:
        client().set(_key(actor, order), json.dumps(kept), ex=KEPT_S)
    except redis.RedisError as error:
        raise Unavailable(_("the address cannot be tried now: Redis does not answer; try again")) from error
    on = What("agent", str(wish.agent.id), wish.agent.name)
    whose = wish.camera.name if wish.camera is not None else acts.A_NEW_CAMERA
    record_act(acts.ADDRESS_TRIED, who(actor), on, camera=whose)
    return test


def found(actor: Actor, test_id: UUID) -> Test:
    """A test of the actor's own, as it stands now. Raises NotFound, Unavailable."""
    try:
        kept = client().get(_key(actor, test_id))
    except redis.RedisError as error:
        raise Unavailable(_("the test cannot be read now: Redis does not answer; try again")) from error
    document = json.loads(kept) if kept is not None else {}
    if document.get("account") != str(actor.account_id):
        raise NotFound()
    agent = UUID(document["agent"])
    return Test(test_id, agent, document["expires_us"], answer_of(agent, test_id))


def _key(actor: Actor, order: UUID) -> str:
    return f"vsaas:address-test:{actor.tenant_id}:{order}"


def _source(wish: Wish) -> tuple[UUID, bytes]:
    if wish.url is None:
        row = CameraSource.objects.filter(camera=wish.camera, stream=StreamKind(int(wish.stream))).first()
        if wish.camera is None or row is None:
            raise InvalidCamera(f"{wish.stream.name.lower()}_url", _("type the address that is to be tried"))
        return wish.camera.id, bytes(row.sealed)
    box = key_in_force(wish.agent.id, AgentKeyPurpose.BOX)
    scope = uuid.uuid4()
    url = join_credentials(with_scheme(wish.url), wish.user, wish.password)
    try:
        return scope, seal_source(wish.agent.tenant_id, scope, wish.stream, url, bytes(box.public_key))
    except ProtocolError as error:
        raise InvalidCamera(f"{wish.stream.name.lower()}_url", wrong_in_words(error)) from None
