"""A release in stages: chosen agents first, then the others in waves, each once the one before has run well for hours.

`look_after` is called each minute, in the tenant's scope. It gives what is planned to agents whose site is in the window,
stops the rollout when too many of a stage failed, and plans the next stage.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant
from vsaas.agents import acts, releases
from vsaas.agents.health import is_online
from vsaas.agents.models import Agent, AgentUpdate, RolloutState, UpdatePolicy, UpdateRollout, UpdateState
from vsaas.agents.releases import Offered
from vsaas.agents.telling import tell
from vsaas.agents.updates import give, has_begun, is_older, plan, running_version, settle, why_not
from vsaas.audit.services import Who, differences, record_act, system, what
from vsaas.common import clock
from vsaas.common.errors import Conflict, InvalidField

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
ANSWER_WITHIN = timedelta(hours=24)
NO_ANSWER = "it did not answer within a day: look whether it is online"
BY_ITSELF = "updates"


class InvalidUpdatePolicy(InvalidField):
    """A value of the policy of updates is out of range."""

    problem = "invalid-update-policy"


class NoRollout(Conflict):
    """There is nothing to roll out, or nothing that could be stopped."""

    problem = "no-rollout"


@dataclass(frozen=True)
class Policy:
    """How an organisation updates its agents. `starts`, `ends`: "HH:MM" by the clock of the agent's site, on `days`; a window
    past midnight belongs to the day it begins on. `first`: ids of the agents of the first stage."""

    automatic: bool = False
    days: tuple[str, ...] = ("tue", "wed", "thu")
    starts: str = "02:00"
    ends: str = "05:00"
    first: tuple[str, ...] = ()
    healthy_hours: int = 24
    wave_percent: int = 25
    stop_percent: int = 20


def policy() -> Policy:
    """The current tenant's policy, or the default: nothing by itself."""
    row = UpdatePolicy.objects.first()
    if row is None:
        return Policy()
    return Policy(
        row.automatic,
        tuple(row.days),
        row.starts,
        row.ends,
        tuple(row.first),
        row.healthy_hours,
        row.wave_percent,
        row.stop_percent,
    )


def set_policy(new: Policy, by: Who) -> None:
    """Keep and audit a policy. Raises InvalidUpdatePolicy. The caller has checked that `by` holds `tenant:edit`."""
    before = policy()
    _check(new, frozenset(before.first))
    if new == before:
        return
    UpdatePolicy.objects.get_or_create()
    UpdatePolicy.objects.update(**asdict(new) | {"days": list(new.days), "first": list(new.first)})
    record_act(acts.UPDATE_POLICY_CHANGED, by, **differences(asdict(before), asdict(new)))


def _check(new: Policy, named_before: frozenset[str]) -> None:
    if not new.days or not set(new.days) <= set(DAYS):
        raise InvalidUpdatePolicy("days", _("name at least one day of the week"))
    for field in ("starts", "ends"):
        if not _TIME.fullmatch(getattr(new, field)):
            raise InvalidUpdatePolicy(field, _("a time of the day, as 02:30"))
    if new.starts == new.ends:
        raise InvalidUpdatePolicy("ends", _("the window is empty: it ends when it begins"))
    for field, least, most in (("healthy_hours", 1, 720), ("wave_percent", 1, 100), ("stop_percent", 0, 100)):
        if not least <= getattr(new, field) <= most:
            raise InvalidUpdatePolicy(field, _("%(least)s to %(most)s") % {"least": least, "most": most})
    known = {str(pk) for pk in Agent.objects.filter(revoked_at=None).values_list("pk", flat=True)}
    # Who was named before may have been revoked or replaced since.
    if not set(new.first) - named_before <= known:
        raise InvalidUpdatePolicy("first", _("one of these is no agent in service here"))


def current() -> UpdateRollout | None:
    """The newest rollout, running or not."""
    return UpdateRollout.objects.order_by("-started_at", "-id").first()


def start(release: Offered | None, by: Who) -> UpdateRollout:
    """Begin to roll a release out, its first stage first. Raises NoRollout."""
    _lock()
    now = current()
    if now is not None and now.state == RolloutState.RUNNING:
        raise NoRollout(_("%(version)s is being rolled out: stop that first") % {"version": now.version})
    if release is None:
        raise NoRollout(_("no release is offered here: the operator adds one with manage.py agent_release"))
    if not _candidates(release, frozenset()):
        raise NoRollout(
            _("no agent would get %(version)s: each runs it or newer, is held, or cannot update itself")
            % {"version": release.version}
        )
    # What failed at an earlier rollout of the same release is tried again.
    AgentUpdate.objects.filter(stage__isnull=False).update(stage=None)
    moment = clock.now()
    rollout = UpdateRollout.objects.create(
        version=release.version, document=release.digest, started_at=moment, stage_at=moment
    )
    record_act(acts.ROLLOUT_STARTED, by, version=release.version)
    first = frozenset(policy().first)
    chosen = [agent for agent in _candidates(release, frozenset()) if str(agent.id) in first]
    if chosen:
        _plan_stage(rollout, release, chosen)
    else:
        _next_stage(rollout, release)
    return rollout


def stop(by: Who, reason: str = "") -> UpdateRollout:
    """Give no further agent this release; what was planned or ordered is taken back, what has begun on a box ends. Raises
    NoRollout."""
    _lock()
    rollout = current()
    if rollout is None or rollout.state != RolloutState.RUNNING:
        raise NoRollout(_("nothing is being rolled out"))
    rollout.state, rollout.reason = RolloutState.STOPPED, reason
    rollout.save()
    AgentUpdate.objects.filter(state=UpdateState.PLANNED).update(
        state=UpdateState.NONE, stage=None, document=None
    )
    for row in _not_begun(rollout):
        if row.state == UpdateState.ORDERED:
            row.state, row.stage, row.document = UpdateState.NONE, None, None
        # What did not answer stays written down as that; its order goes all the same.
        row.ordered_at = None
        row.save()
        tell(row.agent)
    if reason:
        record_act(acts.ROLLOUT_STOPPED_ITSELF, by, version=rollout.version, reason=reason)
    else:
        record_act(acts.ROLLOUT_STOPPED, by, version=rollout.version)
    return rollout


def _not_begun(rollout: UpdateRollout) -> list[AgentUpdate]:
    """Orders of the release that no heartbeat says are handed to the box's installer."""
    rows = AgentUpdate.objects.select_for_update(of=("self",)).filter(
        document=rollout.document,
        state__in=(UpdateState.ORDERED, UpdateState.NO_ANSWER),
        ordered_at__isnull=False,
        agent__revoked_at=None,
    )
    return [row for row in rows.select_related("agent__health") if not has_begun(row)]


def look_after() -> None:
    """One look at the tenant's rollout; begins one where the policy says so."""
    _lock()
    time_out()
    _take_back_paused()
    rollout = current()
    if rollout is None or rollout.state != RolloutState.RUNNING:
        _begin_by_itself()
        return
    release = releases.find(bytes(rollout.document))
    rows = list(
        AgentUpdate.objects.filter(
            document=rollout.document, stage=rollout.stage, agent__revoked_at=None
        ).select_related("agent__site", "agent__health")
    )
    failed = [row for row in rows if row.state in UpdateState.failures()]
    if rows and len(failed) * 100 > policy().stop_percent * len(rows):
        stop(system(BY_ITSELF), f"{len(failed)} of {len(rows)} agents of a stage failed")
        return
    if release is None or release.paused:
        for row in _not_begun(rollout):
            if row.state == UpdateState.ORDERED and row.stage == rollout.stage:
                row.state, row.ordered_at = UpdateState.PLANNED, None
                row.save()
                tell(row.agent)
        return
    for row in rows:
        if row.state == UpdateState.PLANNED and in_window(policy(), row.agent.site.timezone):
            give(row)
    if all(_has_run_well(row) or row in failed for row in rows):
        _next_stage(rollout, release)


def time_out() -> None:
    """Orders without an answer for a day have failed."""
    late = AgentUpdate.objects.filter(state=UpdateState.ORDERED, ordered_at__lt=clock.now() - ANSWER_WITHIN)
    for row in late.select_related("agent"):
        settle(row, UpdateState.NO_ANSWER, NO_ANSWER)


def _take_back_paused() -> None:
    """A person's order of a release that is paused or gone is taken back, unless the box has begun; those of a rollout wait."""
    rows = AgentUpdate.objects.select_for_update(of=("self",)).filter(
        state=UpdateState.ORDERED, stage=None, ordered_at__isnull=False, agent__revoked_at=None
    )
    for row in rows.select_related("agent__health"):
        release = None if row.document is None else releases.find(bytes(row.document))
        if (release is not None and not release.paused) or has_begun(row):
            continue
        row.state, row.document, row.ordered_at = UpdateState.NONE, None, None
        row.save()
        record_act(acts.UPDATE_TAKEN_BACK, system(BY_ITSELF), what(row.agent), version=row.version)
        tell(row.agent)


def in_window(rule: Policy, zone: str) -> bool:
    """Whether updates may begin now at a place in this zone."""
    now = clock.now().astimezone(ZoneInfo(zone))
    minute, begins, ends = now.strftime("%H:%M"), rule.starts, rule.ends
    today, yesterday = DAYS[now.weekday()], DAYS[now.weekday() - 1]
    if begins < ends:
        return today in rule.days and begins <= minute < ends
    return (today in rule.days and minute >= begins) or (yesterday in rule.days and minute < ends)


def _begin_by_itself() -> None:
    """Where the policy is automatic: the newest release, unless it was rolled out or stopped before."""
    release = releases.newest() if policy().automatic else None
    if release is None or UpdateRollout.objects.filter(document=release.digest).exists():
        return
    if _candidates(release, frozenset()):
        start(release, system(BY_ITSELF))


def _next_stage(rollout: UpdateRollout, release: Offered) -> None:
    given = AgentUpdate.objects.filter(document=release.digest, stage__isnull=False)
    done = frozenset(given.values_list("agent_id", flat=True))
    left = _candidates(release, done)
    if not left:
        rollout.state = RolloutState.DONE
        rollout.save()
        record_act(acts.ROLLOUT_DONE, system(BY_ITSELF), version=rollout.version)
        return
    size = max(1, math.ceil((len(left) + len(done)) * policy().wave_percent / 100))
    rollout.stage, rollout.stage_at = rollout.stage + 1, clock.now()
    rollout.save()
    _plan_stage(rollout, release, left[:size])


def _plan_stage(rollout: UpdateRollout, release: Offered, agents: list[Agent]) -> None:
    for agent in agents:
        plan(agent, release, rollout.stage)


def _candidates(release: Offered, done: frozenset[UUID]) -> list[Agent]:
    """Agents a rollout may still take, by name: older, in service, not held, able to update themselves."""
    held = set(AgentUpdate.objects.filter(held=True).values_list("agent_id", flat=True))
    rows = Agent.objects.filter(revoked_at=None).select_related("site", "health").order_by("name", "id")
    return [
        agent
        for agent in rows
        if agent.id not in done
        and agent.id not in held
        and is_older(agent, release.version)
        and why_not(agent) is None
    ]


def _has_run_well(row: AgentUpdate) -> bool:
    """Whether an agent runs what it was given, is online, and did so for as long as the policy wants."""
    if row.state != UpdateState.INSTALLED or row.settled_at is None:
        return False
    long_enough = row.settled_at <= clock.now() - timedelta(hours=policy().healthy_hours)
    health = getattr(row.agent, "health", None)
    return long_enough and is_online(health) and running_version(row.agent) == row.version


def _lock() -> None:
    """One at a time per tenant."""
    Tenant.objects.select_for_update(no_key=True).get()


def shown() -> dict[str, Any] | None:
    """The newest rollout, as programs are told it."""
    rollout = current()
    if rollout is None:
        return None
    return {
        "version": rollout.version,
        "state": rollout.state,
        "stage": rollout.stage,
        "started_us": clock.to_us(rollout.started_at),
        "stage_us": clock.to_us(rollout.stage_at),
        "reason": rollout.reason,
    }
