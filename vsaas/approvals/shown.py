"""A request as people and programs are shown it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from tenants.access import Actor
from vsaas.approvals import people, requests
from vsaas.approvals.models import ApprovalRequest, State
from vsaas.approvals.registry import kind
from vsaas.common import clock

EXPIRED = "expired"


def state_of(row: ApprovalRequest) -> str:
    """Its state, or "expired"."""
    return EXPIRED if row.expired else row.state


def may_decide(actor: Actor, row: ApprovalRequest) -> bool:
    """Whether the actor may approve or refuse it now."""
    waits, act = row.state == State.WAITING and not row.expired, kind(row.act)
    others = row.requester_id != actor.account_id and not act.is_about(row.parameters, actor)
    if not (waits and others and actor.tenant_wide(act.permission)):
        return False
    return requests.hindered(actor, row) is None


def may_withdraw(actor: Actor, row: ApprovalRequest) -> bool:
    """Whether the actor may end it: their own request that waits, or an approval that still lets a session in."""
    oneself = row.requester_id == actor.account_id
    if row.state == State.WAITING:
        return oneself and not row.expired
    lets_in = kind(row.act).carry_out is None and (
        row.holds or (row.state == State.APPROVED and not row.expired)
    )
    return lets_in and (oneself or actor.tenant_wide(kind(row.act).permission))


def about(row: ApprovalRequest) -> list[str]:
    """What would change, line by line."""
    return kind(row.act).words(row.parameters)


def digest_text(row: ApprovalRequest) -> str:
    """What an approval covers, for whoever looks at the request to send back."""
    return bytes(row.digest).hex()


def state_words(row: ApprovalRequest) -> tuple[str, str, str]:
    """Tone, icon and words of a state."""
    name = row.decided_by_name or _("somebody who left")
    match state_of(row):
        case State.WAITING:
            return "info", "wait", _("Waiting")
        case State.APPROVED:
            return "ok", "ok", _("Approved by %(name)s") % {"name": name}
        case State.USED if row.break_glass_id is not None:
            return "bad", "warn", _("Let in by a break-glass code")
        case State.USED if row.valid_until is not None and kind(row.act).carry_out is None and not row.holds:
            return "", "off", _("Approved by %(name)s, over now") % {"name": name}
        case State.USED:
            return "ok", "ok", _("Approved by %(name)s") % {"name": name}
        case State.REFUSED:
            return "bad", "bad", _("Refused by %(name)s") % {"name": name}
        case State.WITHDRAWN:
            return "", "off", _("Withdrawn")
        case _:
            return "", "off", _("Ran out")


def card(actor: Actor, row: ApprovalRequest) -> dict[str, Any]:
    """A request as the templates draw it."""
    tone, icon, words = state_words(row)
    return {
        "id": row.pk,
        "requester": row.requester_name,
        "sentence": kind(row.act).sentence,
        "about": about(row),
        "reason": row.reason,
        "network": row.network,
        "device": people.accounts().device_spoken(row.device) if row.device else "",
        "asked_at": row.asked_at,
        "expires_at": row.expires_at,
        "decided_at": row.decided_at,
        "valid_until": row.valid_until if row.holds else None,
        "digest": digest_text(row),
        "tone": tone,
        "icon": icon,
        "state": words,
        "waits": row.state == State.WAITING and not row.expired,
        "own": row.requester_id == actor.account_id,
        "may_decide": may_decide(actor, row),
        "may_withdraw": may_withdraw(actor, row),
    }


def as_json(actor: Actor, row: ApprovalRequest) -> dict[str, Any]:
    """A request as the API tells it."""
    return {
        "id": str(row.pk),
        "act": row.act,
        "sentence": f"{row.requester_name} {kind(row.act).sentence}",
        "about": about(row),
        "requester": {"id": str(row.requester_id), "name": row.requester_name},
        "reason": row.reason,
        "network": row.network,
        "device": row.device,
        "state": state_of(row),
        "asked_us": clock.to_us(row.asked_at),
        "expires_us": clock.to_us(row.expires_at),
        "decided_by": row.decided_by_name or None,
        "decided_us": None if row.decided_at is None else clock.to_us(row.decided_at),
        "valid_until_us": clock.to_us(row.valid_until) if row.holds and row.valid_until else None,
        "break_glass": row.break_glass_id is not None,
        "digest": digest_text(row),
        "may": {"decide": may_decide(actor, row), "withdraw": may_withdraw(actor, row)},
    }


def stamp(actor: Actor) -> str:
    """Changes whenever what the approvals page shows does."""
    rows = requests.visible(actor)[:SHOWN_MOST]
    return "-".join(f"{row.pk.hex[-6:]}{state_of(row)[:2]}{int(row.holds)}" for row in rows)


SHOWN_MOST = 50
