"""Passwords of cameras: runs of changes, what agents report of them, and who sees one.

The agent makes the password and sets it (`protocol.passwords`); here is written down which cameras are to get one, one at a time
per agent, what became of each, and the sources with it, sealed to the agent. Every function runs inside the tenant's scope.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from protocol.adoption import SealedSource
from protocol.errors import ProtocolError
from protocol.finding import check_service
from protocol.passwords import (
    ChangedCamera,
    ChangePassword,
    PasswordReport,
    RestorePassword,
    check_way,
    open_password,
)
from sealing.ids import Stream
from tenants.access import Actor
from tenants.errors import NotFound
from vsaas.agents.asking import ask
from vsaas.agents.errors import AgentOffline
from vsaas.agents.models import Agent
from vsaas.audit.services import Who, differences, record_act, what, who
from vsaas.audit.services import agent as audit_agent
from vsaas.cameras import acts
from vsaas.cameras.commands import tell_agent
from vsaas.cameras.errors import InvalidPasswordChange, NothingToReveal, PasswordUnderWay
from vsaas.cameras.handing_over import check_sealed
from vsaas.cameras.models import (
    Camera,
    CameraPassword,
    CameraSource,
    PasswordChange,
    PasswordRun,
    PasswordState,
    StreamKind,
)
from vsaas.cameras.services import present, replace_sources
from vsaas.common import clock
from vsaas.common.errors import TooMany, Unavailable
from vsaas.keys.tenant_keys import open_private, recipient_key

logger = logging.getLogger(__name__)

ORDER_S = 60
NO_ANSWER_S = 900
"""After this without a report the next camera has its turn; a later report still counts."""
WAITS_S = 24 * 3600
"""An agent that was away so long is not waited for any more."""
NO_ANSWER, OFFLINE, REVOKED, ADDRESS_CHANGED, NO_FORMER = (
    "no-answer",
    "agent-offline",
    "agent-revoked",
    "address-changed",
    "no-former",
)
OPEN = (PasswordState.WAITING, PasswordState.ASKED)
CAMERAS_MOST = 1000


def changeable(cameras: QuerySet[Camera]) -> QuerySet[Camera]:
    """Those whose agent could change their password."""
    return present(cameras).filter(agent__revoked_at=None).select_related("agent", "site")


def under_way(cameras: Iterable[UUID]) -> set[UUID]:
    """Those of these cameras whose password is being changed."""
    rows = PasswordChange.objects.filter(camera_id__in=list(cameras), state__in=OPEN)
    return set(rows.values_list("camera_id", flat=True))


def begin(cameras: Sequence[Camera], about: str, by: Who, *, restores: bool = False) -> PasswordRun:
    """A run over these cameras, less those whose password is being changed. Raises InvalidPasswordChange where none is left,
    PasswordUnderWay.

    The caller has checked that `by` holds `camera:edit` on each.
    """
    # Locked in one order, so that of two who begin at once the later one finds the cameras taken.
    ids = [camera.id for camera in cameras]
    locked = list(Camera.objects.select_for_update().filter(id__in=ids, deleted_at=None).order_by("id"))
    busy = under_way(ids)
    wanted = [camera for camera in locked if camera.id not in busy]
    if not wanted and busy:
        raise PasswordUnderWay(_("the password is being changed already: wait until that is done"))
    if not wanted or len(wanted) > CAMERAS_MOST:
        raise InvalidPasswordChange("cameras", _("choose 1 to %(most)s cameras") % {"most": CAMERAS_MOST})
    name = by.name if by.kind == "account" else ""
    run = PasswordRun.objects.create(
        about=about[:300], asked_by=name, restores=restores, started_at=clock.now()
    )
    PasswordChange.objects.bulk_create([PasswordChange(run=run, camera=camera) for camera in wanted])
    names = ", ".join(camera.name for camera in wanted)
    record_act(
        acts.PASSWORDS_ASKED,
        by,
        what(run),
        about=run.about,
        count=len(wanted),
        cameras=names,
        restores=restores,
    )
    advance()
    return run


def retry(run: PasswordRun, changes: Sequence[PasswordChange], by: Who) -> PasswordRun:
    """Another run over those of these changes that failed. Raises as `begin`."""
    failed = [change.camera for change in changes if change.state == PasswordState.FAILED]
    return begin(failed, run.about, by, restores=run.restores)


def advance(agent_id: UUID | None = None) -> None:
    """Asks each agent that has nothing to do for its next camera; ends what nobody answers for, and runs that are over."""
    _give_up()
    rows = PasswordChange.objects.filter(state__in=OPEN)
    if agent_id is not None:
        rows = rows.filter(camera__agent_id=agent_id)
    busy = set(rows.filter(state=PasswordState.ASKED).values_list("camera__agent_id", flat=True))
    waiting = rows.filter(state=PasswordState.WAITING).select_related("camera__agent", "run")
    for change in waiting.order_by("run__started_at", "camera__name", "id"):
        agent = change.camera.agent
        if agent.id not in busy:
            busy.add(agent.id)
            _ask(agent, change)
    _end_runs()


def _ask(agent: Agent, change: PasswordChange) -> None:
    """Claims one change and sends its order; it goes on waiting while the agent cannot be asked."""
    # Of two who go on with the runs at once, one asks each agent: the other passes it by.
    if Agent.objects.select_for_update(skip_locked=True).filter(id=agent.id).first() is None:
        return
    if PasswordChange.objects.filter(camera__agent_id=agent.id, state=PasswordState.ASKED).exists():
        return
    task = _task(change)
    if task is None:
        _ended(change, PasswordState.FAILED, NO_FORMER)
        return
    try:
        with transaction.atomic():
            claimed = PasswordChange.objects.filter(id=change.id, state=PasswordState.WAITING).update(
                state=PasswordState.ASKED, asked_at=clock.now()
            )
            if claimed:
                ask(agent, task, lives_s=ORDER_S)
    except (AgentOffline, TooMany, Unavailable) as why:
        logger.info("the password of camera %s waits: %s", change.camera_id, type(why).__name__)


def _task(change: PasswordChange) -> ChangePassword | RestorePassword | None:
    known = CameraPassword.objects.filter(camera_id=change.camera_id).first() or CameraPassword()
    if not change.run.restores:
        return ChangePassword(change.id, change.camera_id, known.service, known.way)
    if known.former_main is None:
        return None
    return RestorePassword(change.id, change.camera_id, bytes(known.former_main), known.service, known.way)


def _give_up() -> None:
    now = clock.now()
    late = Q(state=PasswordState.ASKED, asked_at__lt=now - timedelta(seconds=NO_ANSWER_S))
    away = Q(state=PasswordState.WAITING, run__started_at__lt=now - timedelta(seconds=WAITS_S))
    gone = Q(state__in=OPEN) & (
        Q(camera__deleted_at__isnull=False) | Q(camera__agent__revoked_at__isnull=False)
    )
    for which, cause in ((gone, REVOKED), (late, NO_ANSWER), (away, OFFLINE)):
        ids = list(PasswordChange.objects.filter(which).values_list("id", flat=True))
        # Asked once more: of what was reported meanwhile the report counts.
        PasswordChange.objects.filter(id__in=ids, state__in=OPEN).update(
            state=PasswordState.FAILED, cause=cause, ended_at=now
        )


def _end_runs() -> None:
    running = PasswordRun.objects.filter(ended_at=None)
    running.exclude(id__in=PasswordChange.objects.filter(state__in=OPEN).values("run_id")).update(
        ended_at=clock.now()
    )


def forget_old() -> None:
    """Runs that ended VSAAS_PASSWORD_RUNS_DAYS ago go, with their changes. One stays as long as its agent may still say what
    became of a change: that report brings the password which the camera has."""
    unanswered = PasswordChange.objects.filter(
        state=PasswordState.FAILED,
        cause=NO_ANSWER,
        camera__deleted_at=None,
        camera__agent__revoked_at=None,
    )
    long_ago = clock.now() - timedelta(days=settings.ENV.password_runs_days)
    ended = PasswordRun.objects.filter(ended_at__lt=long_ago)
    ended.exclude(id__in=unanswered.values("run_id")).delete()


def _ended(change: PasswordChange, state: PasswordState, cause: str, by: Who | None = None) -> None:
    """The caller has locked the change, or claimed it. `by`: the agent that says why it failed."""
    change.state, change.cause, change.ended_at = state, cause, clock.now()
    change.save(update_fields=["state", "cause", "ended_at"])
    if state == PasswordState.FAILED and by is not None:
        record_act(acts.PASSWORD_FAILED, by, what(change.camera), cause=cause)


# What agents report


def take_report(agent_id: UUID, report: PasswordReport) -> None:
    """What became of a change. The same report again changes nothing. Raises NotFound for a change that is none of the
    agent's, MalformedMessage for a source that is not sealed to it."""
    change = (
        PasswordChange.objects.select_for_update(of=("self",))
        .select_related("run", "camera", "camera__agent")
        .filter(id=report.change, camera__agent_id=agent_id)
        .first()
    )
    if change is None:
        raise NotFound()
    if change.state == PasswordState.DONE:
        return
    if change.state == PasswordState.FAILED and change.cause == (report.cause or ADDRESS_CHANGED):
        return  # only reports bring these causes
    agent = change.camera.agent
    by = audit_agent(agent.id, agent.name)
    changed = {one.camera: _changed(agent, one, report, by) for one in report.cameras}
    if any(changed.values()):
        tell_agent(agent)
    cause = report.cause
    if not cause and not changed.get(change.camera_id):
        cause = ADDRESS_CHANGED
    _ended(change, PasswordState.FAILED if cause else PasswordState.DONE, cause, by)
    if not cause:
        with_it = [camera for camera, done in changed.items() if done and camera != change.camera_id]
        # Channels of the same device: their turn has come with this one.
        PasswordChange.objects.filter(
            run=change.run, camera_id__in=with_it, state__in=(PasswordState.WAITING, PasswordState.FAILED)
        ).update(state=PasswordState.DONE, cause="", ended_at=clock.now())
    advance(agent.id)


def _changed(agent: Agent, one: ChangedCamera, report: PasswordReport, by: Who) -> bool:
    """Keeps a camera's new sources, and the ones before; False where somebody typed another address meanwhile, or the change
    failed: then the password alone is kept, for whoever may need it."""
    camera = Camera.objects.select_for_update().filter(id=one.camera, agent=agent, deleted_at=None).first()
    if camera is None:
        return False
    sources = {row.stream: bytes(row.sealed) for row in CameraSource.objects.filter(camera=camera)}
    known, _made = CameraPassword.objects.get_or_create(camera=camera)
    main = sources.get(StreamKind.MAIN, b"")
    if report.cause or not one.main or not hmac.compare_digest(hashlib.sha256(main).digest(), one.before):
        if known.change is not None and report.change < known.change:
            return False  # ids of changes are in the order of time: what holds was set later
        known.spare, known.spare_change = one.password or None, report.change
        known.spare_recipient = report.recipient or None
        known.save()
        return False
    check_sealed(agent, SealedSource(camera.id, Stream.MAIN, one.main))
    if one.sub is not None and one.sub != sources.get(StreamKind.SUB):
        check_sealed(agent, SealedSource(camera.id, Stream.SUB, one.sub))
    replace_sources(camera, one.main, one.sub)
    known.former_main, known.former_sub = main, sources.get(StreamKind.SUB)
    known.changed_at, known.change = clock.now(), report.change
    known.sealed, known.recipient = one.password or None, report.recipient or None
    known.spare = known.spare_change = known.spare_recipient = None
    known.save()
    record_act(acts.PASSWORD_CHANGED, by, what(camera), by_run=str(report.change))
    return True


# Who sees one

CURRENT, SPARE = "current", "spare"


def can_reveal(known: CameraPassword | None, which: str = CURRENT) -> bool:
    """Whether the portal holds the password and the key that opens it."""
    if known is None:
        return False
    sealed = known.sealed if which == CURRENT else known.spare
    recipient = known.recipient if which == CURRENT else known.spare_recipient
    if sealed is None or recipient is None:
        return False
    key = recipient_key(known.tenant_id, bytes(recipient))
    return key is not None and key.wrapped_private is not None


@dataclass(frozen=True)
class SealedPassword:
    """A password as the agent sealed it for `change`, to a recipient whose private half only the organisation holds."""

    change: UUID
    sealed: bytes


def reveal(camera: Camera, actor: Actor, which: str = CURRENT) -> str | SealedPassword:
    """The password the agent set, or what a holder's browser opens where the organisation holds its keys itself; `which` SPARE: the
    one the camera may have though its change failed. Written down as seen.

    Raises NothingToReveal, KmsError. The caller has checked `camera:password` and a fresh factor.
    """
    known = CameraPassword.objects.filter(camera=camera).first()
    sealed = None if known is None else known.sealed if which == CURRENT else known.spare
    if known is None or sealed is None:
        raise NothingToReveal(
            _("no password of %(camera)s is known here: it was typed by somebody, who alone knows it")
            % {"camera": camera.name}
        )
    recipient = known.recipient if which == CURRENT else known.spare_recipient
    change = known.change if which == CURRENT else known.spare_change
    if recipient is None or change is None:
        raise NothingToReveal(_("the password that is kept cannot be opened: change it anew"))
    password: str | SealedPassword = SealedPassword(change, bytes(sealed))
    if can_reveal(known, which):
        key = recipient_key(known.tenant_id, bytes(recipient))
        assert key is not None  # can_reveal says so
        password = _opened(known, change, bytes(sealed), open_private(key))
    record_act(acts.PASSWORD_REVEALED, who(actor), what(camera), which=which)
    return password


def _opened(known: CameraPassword, change: UUID, sealed: bytes, private: bytes) -> str:
    try:
        return open_password(known.tenant_id, known.camera_id, change, sealed, private)
    except ProtocolError as error:
        raise NothingToReveal(_("the password that is kept cannot be opened: change it anew")) from error


def set_way(camera: Camera, by: Who, *, service: str, way: str) -> CameraPassword:
    """How the agent changes the camera's password. Raises InvalidPasswordChange."""
    service = service.strip()
    if service and "://" not in service:
        host = f"[{service}]" if service.count(":") > 1 and not service.startswith("[") else service
        service = f"http://{host}/onvif/device_service"
    try:
        if service:
            check_service(service)
    except ProtocolError as error:
        raise InvalidPasswordChange("service", error.detail) from None
    try:
        check_way(way)
    except ProtocolError as error:
        raise InvalidPasswordChange("way", error.detail) from None
    known, _made = CameraPassword.objects.get_or_create(camera=camera)
    before = {"address": known.service, "way": known.way}
    known.service, known.way = service, way
    after = {"address": service, "way": way}
    if before != after:
        known.save()
        record_act(acts.PASSWORD_WAY, by, what(camera), **differences(before, after))
    return known
