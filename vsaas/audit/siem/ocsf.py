"""An entry of the log in the Open Cybersecurity Schema Framework, 1.3.0 (schema.ocsf.io). docs/siem.md has the table."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from vsaas.audit import proof
from vsaas.audit.siem.saying import PRODUCT, sentence_in_english, version

SCHEMA = "1.3.0"


@dataclass(frozen=True, slots=True)
class OcsfClass:
    """A class of events with the activities used of it."""

    uid: int
    name: str
    category_uid: int
    category: str
    activities: dict[str, int]


OTHER = 99
AUTHENTICATION = OcsfClass(
    3002, "Authentication", 3, "Identity & Access Management", {"Logon": 1, "Logoff": 2}
)
ACCOUNT_CHANGE = OcsfClass(
    3001,
    "Account Change",
    3,
    "Identity & Access Management",
    {"Create": 1, "Password Change": 3, "Delete": 6, "Attach Policy": 7, "MFA Factor Enable": 10},
)
ENTITY_MANAGEMENT = OcsfClass(
    3004,
    "Entity Management",
    3,
    "Identity & Access Management",
    {"Create": 1, "Read": 2, "Update": 3, "Delete": 4},
)
API_ACTIVITY = OcsfClass(
    6003, "API Activity", 6, "Application Activity", {"Create": 1, "Read": 2, "Update": 3, "Delete": 4}
)

_CLASSES = {
    "session": AUTHENTICATION,
    "account": ACCOUNT_CHANGE,
    "passkey": ACCOUNT_CHANGE,
    "people": ACCOUNT_CHANGE,
    "recovery": ACCOUNT_CHANGE,
    "setup": ACCOUNT_CHANGE,
    "token": ACCOUNT_CHANGE,
    "access": API_ACTIVITY,
    "audit": API_ACTIVITY,
    "footage": API_ACTIVITY,
    "keys": API_ACTIVITY,
    "live": API_ACTIVITY,
}
# What an act's name says was done, by its words.
_DOING = {
    "Create": {
        "added",
        "created",
        "made",
        "invited",
        "issued",
        "saved",
        "code",
        "owner",
        "joined",
        "enrolled",
    },
    "Read": {"watched", "ended", "seen", "released", "exported", "fetched", "clip", "copied", "out", "used"},
    "Update": {"changed", "set", "renamed", "settled", "switched", "restored", "renewed", "on", "off"},
    "Delete": {"deleted", "removed", "revoked", "pruned"},
    "Logon": {"in", "refused", "throttled", "slowed", "waits", "hours"},
    "Logoff": {"out", "ended"},
    "Password Change": {"password"},
    "MFA Factor Enable": {"factor"},
    "Attach Policy": {"access", "grants"},
}
# Where a word would mislead.
_EXACTLY = {"account.closed": "Delete"}


def class_of(act: str) -> OcsfClass:
    """The class an act's events belong to, by the first part of its name."""
    return _CLASSES.get(act.partition(".")[0], ENTITY_MANAGEMENT)


def activity_of(act: str) -> tuple[str, int]:
    """The activity within that class, name and id; Other (99) where none fits."""
    if act in _EXACTLY:
        return _EXACTLY[act], class_of(act).activities[_EXACTLY[act]]
    words = set(act.partition(".")[2].replace("_", "-").split("-"))
    kind = class_of(act)
    # The particular ones first: "password-changed" is a change of password before it is an update.
    for name, number in reversed(kind.activities.items()):
        if words & _DOING[name]:
            return name, number
    return "Other", OTHER


def event_of(tenant_id: UUID, seq: int | None, digest: bytes | None, one: proof.Fields) -> dict[str, Any]:
    """The entry as an OCSF event. `seq` and `digest` None: a test entry, which is in no chain."""
    kind = class_of(one.act)
    activity, number = activity_of(one.act)
    refused = one.outcome == "refused"
    event: dict[str, Any] = {
        "metadata": {
            "version": SCHEMA,
            "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": version()},
            "uid": str(one.event_id),
            "event_code": one.act,
            "log_name": "audit",
            "tenant_uid": str(tenant_id),
            **({"sequence": seq} if seq is not None else {}),
        },
        "time": one.at_us // 1000,
        "category_uid": kind.category_uid,
        "category_name": kind.category,
        "class_uid": kind.uid,
        "class_name": kind.name,
        "activity_id": number,
        "activity_name": activity,
        "type_uid": kind.uid * 100 + number,
        "type_name": f"{kind.name}: {activity}",
        "severity_id": 3 if refused else 1,
        "severity": "Medium" if refused else "Informational",
        "status_id": 2 if refused else 1,
        "status": "Failure" if refused else "Success",
        "message": sentence_in_english(one),
        "actor": _actor(one),
        "unmapped": {
            "object": {"kind": one.object_kind, "id": one.object_id, "name": one.object_name},
            "details": dict(one.details),
            "hash": digest.hex() if digest is not None else None,
        },
    }
    return event | _endpoint(one.network) | _of_class(kind, one)


def _actor(one: proof.Fields) -> dict[str, Any]:
    person = {"name": one.actor_name or "unknown", "type": one.actor_kind}
    if one.actor_id is not None:
        person["uid"] = str(one.actor_id)
    if one.actor_kind == "account":
        return {"user": person}
    return {"app_name": one.actor_name or one.actor_kind, "user": person}


def _endpoint(network: str) -> dict[str, Any]:
    try:
        return {"src_endpoint": {"ip": str(ipaddress.ip_address(network))}}
    except ValueError:
        return {"src_endpoint": {"subnet_uid": network}} if network else {}


def _of_class(kind: OcsfClass, one: proof.Fields) -> dict[str, Any]:
    """What the class requires besides."""
    about = {"name": one.object_name or one.object_kind or "-", "type": one.object_kind}
    if one.object_id:
        about["uid"] = one.object_id
    if kind in (AUTHENTICATION, ACCOUNT_CHANGE):
        return {"user": about if one.object_kind == "account" else _actor(one)["user"]}
    if kind is ENTITY_MANAGEMENT:
        return {"entity": about}
    return {"api": {"operation": one.act}, "resources": [about]}
