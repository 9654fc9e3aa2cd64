"""An entry of the log as a syslog message (RFC 5424), and the same with CEF in it. docs/siem.md has the tables."""

from __future__ import annotations

import ipaddress
import json
import re
from uuid import UUID

from vsaas.audit import acts, proof
from vsaas.audit.siem.saying import PRODUCT, host, sentence_in_english, version
from vsaas.common import clock

FACILITY = 13  # log audit
NOTICE, WARNING = 5, 4
ENTERPRISE = 32473  # the number RFC 5612 sets aside for examples: there is none of our own
BOM = b"\xef\xbb\xbf"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_NOT_NAME = re.compile(r"[^!#-<>-\\^-~]")  # printable US-ASCII without space, '"', "=" and "]"


def syslog(tenant_id: UUID, seq: int | None, digest: bytes | None, one: proof.Fields) -> bytes:
    """The entry as one message, without framing. `seq` and `digest` None: a test entry, which is in no chain."""
    entry = {
        "seq": "" if seq is None else str(seq),
        "event": str(one.event_id),
        "tenant": str(tenant_id),
        "outcome": one.outcome,
        "actorKind": one.actor_kind,
        "actorId": str(one.actor_id or ""),
        "actor": one.actor_name,
        "objectKind": one.object_kind,
        "objectId": one.object_id,
        "object": one.object_name,
        "network": one.network,
        "hash": digest.hex() if digest is not None else "",
    }
    details = {name: _text(value) for name, value in sorted(one.details.items())}
    data = _element("audit", entry) + (_element("details", details) if details else "")
    return _message(one, data, _plain(sentence_in_english(one)))


def cef(tenant_id: UUID, seq: int | None, digest: bytes | None, one: proof.Fields) -> bytes:
    """The entry in the Common Event Format (version 0), in a message of syslog without structured data."""
    head = [PRODUCT, PRODUCT, version(), one.act, _outline(one.act), "6" if one.outcome == "refused" else "3"]
    fields = {
        "rt": str(one.at_us // 1000),
        "externalId": str(one.event_id),
        "outcome": "failure" if one.outcome == "refused" else "success",
        "suser": one.actor_name,
        "suid": str(one.actor_id or ""),
        "sproc": "" if one.actor_kind == "account" else one.actor_kind,
        "src": one.network if _is_address(one.network) else "",
        "msg": sentence_in_english(one),
        "cn1": "" if seq is None else str(seq),
        "cn1Label": "" if seq is None else "seq",
        "cs1": one.object_name,
        "cs1Label": "object" if one.object_name else "",
        "cs2": one.object_id,
        "cs2Label": "objectId" if one.object_id else "",
        "cs3": one.object_kind,
        "cs3Label": "objectKind" if one.object_kind else "",
        "cs4": json.dumps(one.details, ensure_ascii=False, sort_keys=True) if one.details else "",
        "cs4Label": "details" if one.details else "",
        "cs5": digest.hex() if digest is not None else "",
        "cs5Label": "hash" if digest is not None else "",
        "cs6": str(tenant_id),
        "cs6Label": "tenant",
    }
    header = "|".join(_plain(part).replace("\\", "\\\\").replace("|", "\\|") for part in head)
    extension = " ".join(f"{name}={_extension(value)}" for name, value in fields.items() if value)
    return _message(one, "-", f"CEF:0|{header}|{extension}")


def _message(one: proof.Fields, data: str, text: str) -> bytes:
    severity = WARNING if one.outcome == "refused" else NOTICE
    at = clock.from_us(one.at_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    msgid = _NOT_NAME.sub("", one.act)[:32] or "-"
    head = f"<{FACILITY * 8 + severity}>1 {at} {host()[:255]} {PRODUCT.lower()} - {msgid} {data} "
    return head.encode() + BOM + text.encode()


def _element(name: str, values: dict[str, str]) -> str:
    params = "".join(f' {_name(key)}="{_param(value)}"' for key, value in values.items() if value)
    return f"[{name}@{ENTERPRISE}{params}]"


def _name(key: str) -> str:
    return _NOT_NAME.sub("_", key)[:32] or "_"


def _param(value: str) -> str:
    """RFC 5424 section 6.3.3; line ends and other control characters become spaces, so that no log file is forged."""
    return _plain(value).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _extension(value: str) -> str:
    return _plain(value).replace("\\", "\\\\").replace("=", "\\=")


def _plain(value: str) -> str:
    return _CONTROL.sub(" ", value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _outline(name: str) -> str:
    known = {one.name: one for one in acts.all_acts()}
    return acts.outline(known[name]) if name in known else name


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
