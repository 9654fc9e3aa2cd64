"""Alarms as pages and the API tell them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tenants.access import Actor
from vsaas.alarms.letters import name_of, sentence_of
from vsaas.alarms.models import Alarm
from vsaas.alarms.telling import open_to
from vsaas.common import clock
from vsaas.common.sizes import length_text


def open_count(actor: Actor) -> int:
    """How many alarms the actor should look at now."""
    return open_to(actor).filter(ended_at=None).count()


def alarm_json(alarm: Alarm) -> dict[str, Any]:
    """One alarm, its camera, agent and their sites loaded."""
    site = alarm.agent.site if alarm.camera is None else alarm.camera.site
    return {
        "id": str(alarm.id),
        "kind": alarm.kind,
        "agent": {"id": str(alarm.agent_id), "name": alarm.agent.name},
        "camera": None if alarm.camera is None else {"id": str(alarm.camera_id), "name": alarm.camera.name},
        "site": {"id": str(site.id), "name": site.name},
        "cause": alarm.cause or None,
        "sentence": sentence_of(alarm),
        "began_us": clock.to_us(alarm.began_at),
        "noticed_us": clock.to_us(alarm.noticed_at),
        "ended_us": None if alarm.ended_at is None else clock.to_us(alarm.ended_at),
    }


def shown(alarms: Iterable[Alarm]) -> list[dict[str, Any]]:
    """As the page draws them."""
    return [
        {
            "alarm": one,
            "name": name_of(one),
            "site": one.agent.site if one.camera is None else one.camera.site,
            "sentence": sentence_of(one),
            "length": length_text((one.ended_at - one.began_at).total_seconds()) if one.ended_at else "",
        }
        for one in alarms
    ]
