"""States as the templates draw them: a tone and an icon beside the words, so that no state stands on colour alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vsaas.agents import states
from vsaas.audit.cameras import LogCamera
from vsaas.cameras.models import Camera
from vsaas.cameras.protection import shown as protection_shown
from vsaas.common import clock
from vsaas.common.sizes import length_text

LATE_US = 600_000_000
"""A stream that waits longer to be uploaded is named; a little always waits."""

Words = tuple[str, str, str | Promise]

CAMERA_STATES: dict[str, tuple[str, str, str | Promise, str | Promise]] = {
    "recording": ("ok", "record", _("Recording"), _("Recording")),
    "waiting": ("info", "wait", _("Waiting"), _("Waiting for the first picture")),
    "offline": ("bad", "off", _("Offline"), _("The agent cannot reach this camera")),
    "agent-offline": (
        "bad",
        "off",
        _("Agent offline"),
        _("The agent of this camera has not been heard from"),
    ),
    "deleted": (
        "",
        "off",
        _("Deleted"),
        _("This camera was deleted; its recordings stay until their time is over"),
    ),
    "disabled": ("", "off", _("Disabled"), _("Recording of this camera is switched off")),
    "by-plan": ("", "off", _("Off by plan"), _("By its recording plan nothing is recorded now")),
    "waiting-for-event": ("info", "wait", _("Ready"), _("Recorded when something happens")),
}
AGENT_STATES: dict[str, Words] = {
    states.ONLINE: ("ok", "ok", _("Online")),
    states.OFFLINE: ("bad", "off", _("Offline")),
    states.CLONED: ("bad", "warn", _("Two boxes use this identity")),
    states.REVOKED: ("", "off", _("Revoked")),
}
STREAM_STATES: dict[str, Words] = {
    "recording": ("ok", "record", _("Recording")),
    "connecting": ("info", "wait", _("Connecting")),
    "offline": ("bad", "off", _("Not reachable")),
    "refused": ("bad", "key", _("Refuses the password")),
    "stalled": ("bad", "warn", _("Sends nothing")),
    "unusable": ("bad", "warn", _("Unusable stream")),
    "disabled": ("", "off", _("Disabled")),
    "disk-full": ("bad", "warn", _("Agent's disk is full")),
    "wrong-certificate": ("bad", "key", _("Shows another certificate")),
    "by-plan": ("", "off", _("Off by plan")),
    "waiting-for-event": ("info", "wait", _("Ready for an event")),
}
# The same in a sentence, for the page of one camera.
SENTENCES: dict[str, str | Promise] = {
    "connecting": _("The agent is connecting to the camera."),
    "offline": _("The agent cannot reach the camera."),
    "refused": _("The camera refuses the user or the password."),
    "stalled": _("The camera sends nothing any more."),
    "unusable": _("What the camera sends cannot be recorded."),
    "disk-full": _("The agent's disk is full, so nothing is recorded."),
    "wrong-certificate": _("The camera shows another certificate than the one that was accepted."),
    "by-plan": _("By the camera's recording plan nothing of this is recorded now."),
    "waiting-for-event": _(
        "Nothing is recorded until something happens. The newest seconds are held in memory."
    ),
}
# What to do about a stream that is not recorded.
NEXT_STEPS: dict[str, str | Promise] = {
    "offline": _(
        "Look whether the camera has power and network, and whether its address is right. "
        "The agent must be in a network that reaches it; it keeps trying."
    ),
    "refused": _(
        "Type address, user and password again under “Address and password”. "
        "In the camera itself the user needs the right to watch by RTSP."
    ),
    "stalled": _(
        "The camera accepted the connection and sends no pictures. Restart the camera; some send to few viewers only."
    ),
    "unusable": _(
        "The address answers, but not with a stream that can be recorded. Look at the path in the address, and that "
        "the camera codes H.264 or H.265."
    ),
    "disk-full": _("The agent's disk is full. It records again when there is room: look at its connection."),
    "wrong-certificate": _(
        "Find out why before you accept it: the camera was replaced or renewed its certificate, or something stands "
        "between it and the agent. The agent records nothing from it until then."
    ),
}
CODECS = {"avc": "H.264", "hev": "H.265", "hvc": "H.265"}


def instant(us: int | None) -> datetime | None:
    """The moment of UTC microseconds."""
    return None if us is None else datetime.fromtimestamp(us / 1e6, UTC)


def camera_shown(state: dict[str, Any]) -> dict[str, Any]:
    """One entry of `camera_states`."""
    tone, icon, label, words = CAMERA_STATES[state["state"]]
    return {
        **state,
        "tone": tone,
        "icon": icon,
        "label": label,
        "words": words,
        "since": instant(state["since_us"]),
        "newest": instant(state["newest_us"]),
        "sentence": SENTENCES.get(state["reason"] or "", ""),
        "why": STREAM_STATES[state["reason"]][2] if state["reason"] in STREAM_STATES else "",
        "protection": protection_shown(state["protection"]),
        "link": state["protection"]["link"],
        "health": [stream_shown(row) for row in state["health"]],
    }


def codec_name(codec: str) -> str:
    """ "H.264" for `avc1.640028` (RFC 6381) and the like; what is not known as it is."""
    return next((name for prefix, name in CODECS.items() if codec.startswith(prefix)), codec)


def _late_since(oldest_unsent_us: int | None) -> datetime | None:
    """Since when a stream is not uploaded; None while no more waits than always does."""
    late = oldest_unsent_us is not None and clock.now_us() - oldest_unsent_us > LATE_US
    return instant(oldest_unsent_us) if late else None


def stream_shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """One stream of a heartbeat."""
    tone, icon, label = STREAM_STATES[row["state"]]
    return {
        **row,
        "tone": tone,
        "icon": icon,
        "label": label,
        "since": instant(row["since_us"]),
        "codec_name": codec_name(row["codec"]),
        "megabits": row["bits_per_s"] / 1e6,
        "last_frame": instant(row.get("last_frame_us")),
        "late_since": _late_since(row.get("oldest_unsent_us")),
        "clock_off": None if row.get("clock_offset_us") is None else _clock_off(row["clock_offset_us"] / 1e6),
        "next_step": NEXT_STEPS.get(row["state"], ""),
    }


def _clock_off(off_s: float) -> str | None:
    """ "2 hours ahead"; None while the clock is right."""
    if abs(off_s) * 1e6 <= states.CLOCK_RIGHT_US:
        return None
    words = _("%(length)s ahead") if off_s > 0 else _("%(length)s behind")
    return words % {"length": length_text(abs(off_s))}


ROLLOVER_STATES: dict[str, Words] = {
    "asked": ("info", "wait", _("asked for new ones")),
    "offered": ("info", "wait", _("new ones are being signed")),
    "waits-for-holder": ("info", "wait", _("new ones wait for a holder's signature, on the page Keys")),
    "stated": ("", "", _("the former ones are still known for what they signed")),
    "done": ("", "", ""),
    "refused": ("bad", "warn", _("new ones were refused: two boxes spoke with its identity")),
    "no-answer": ("warn", "warn", _("no new ones within a week of asking; is the agent up to date?")),
}


def _keys_shown(keys: dict[str, Any]) -> dict[str, Any]:
    rollover = keys["rollover"]
    tone, icon, words = ROLLOVER_STATES["done" if rollover is None else rollover["state"]]
    settled = rollover is None or rollover["state"] in ("done", "refused", "no-answer")
    return {
        "since": instant(keys["since_us"]),
        "tone": tone,
        "icon": icon,
        "words": words,
        "may_ask": settled,
    }


def agent_shown(state: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """One entry of `agent_states`; `names` of cameras by id."""
    tone, icon, label = AGENT_STATES[state["state"]]
    health = state["health"]
    shown = {
        **state,
        "tone": tone,
        "icon": icon,
        "label": label,
        "last_contact": instant(state["last_contact_us"]),
        "enrolled": instant(state["enrolled_us"]),
        "revoked": instant(state["revoked_us"]),
        "adopted": instant(state["adopted_us"]),
        "keys": _keys_shown(state["keys"]),
    }
    if health is not None:
        shown |= {
            "started": instant(health["started_us"]),
            "oldest_unsent": instant(health["oldest_unsent_us"]),
            "clock_off": _clock_off(health["clock_offset_us"] / 1e6),
            "room_for": None if health["days_left"] is None else length_text(health["days_left"] * 86400),
            "streams": [
                stream_shown(row) | {"name": names.get(row["camera"], _("A removed camera"))}
                for row in health["streams"]
            ],
        }
    return shown


def cameras_of_the_log(camera_id: UUID | None) -> list[LogCamera]:
    """The tenant's cameras as the audit log names them (`vsaas.audit.cameras`)."""
    rows = Camera.objects.select_related("site").order_by(F("deleted_at").asc(nulls_first=True), "name", "id")
    if camera_id is not None:
        rows = rows.filter(pk=camera_id)
    return [
        LogCamera(row.id, row.name, row.site.name, row.site.timezone, row.deleted_at is not None)
        for row in rows
    ]
