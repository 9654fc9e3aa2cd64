"""The commissioning report to be read and printed: A4 pages made by typst from what was signed, the signed file inside of them.

The pages say nothing the signed file does not say, and hold it as an attachment (PDF/A-3), so that one file is enough to keep:
`python -m sealing commissioning` verifies what was taken out of it. Nothing a person typed is read as markup: it is data.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import segno
from django.utils import formats, timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from sealing.ids import show_fingerprint
from vsaas.cameras.checklist import ACCEPTED, BY_KEY, OK, TODO, label
from vsaas.cameras.models import SignOff
from vsaas.cameras.protection import WORDS
from vsaas.cameras.sign_offs import report_file, report_of
from vsaas.common import clock

TEMPLATE: Final = Path(__file__).parent / "templates" / "cameras" / "report.typ"
ATTACHED: Final = "commissioning.json"
_UNKNOWN: Final = "–"


def report_pdf(row: SignOff, address: str) -> bytes:
    """The report in the reader's language. `address`: where the portal shows it, for the QR code."""
    report = report_of(row)
    file = json.dumps(report_file(row)).encode()
    said = _said(report) | {"digest": hashlib.sha256(file).hexdigest(), "address": address}
    return _typeset({"said": json.dumps(said), "file": file.decode(), "qr": _qr(address)}, row.at)


def _typeset(data: dict[str, str], at: dt.datetime) -> bytes:
    # Slow to load (a typesetter of 80 MB), and only here is it needed.
    import typst

    made: bytes
    for standards in (["a-3b"], []):
        try:
            made = typst.compile(
                TEMPLATE.read_bytes(),
                format="pdf",
                pdf_standards=standards,
                timestamp=int(at.timestamp()),
                sys_inputs=data,
            )
        except typst.TypstError as error:
            # PDF/A allows no character that no font here can draw (an emoji in a name): without it, it is drawn as a box.
            if not standards or "could not be displayed" not in str(error):
                raise
        else:
            break
    return made


def _qr(text: str) -> str:
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", border=0, scale=4)
    return out.getvalue().decode()


def _said(report: dict[str, Any]) -> dict[str, Any]:
    zone = ZoneInfo(report["site"]["time_zone"])
    signed = report["signed_off"]
    agents = {one["id"]: one for one in report["agents"]}
    return {
        "language": (get_language() or "en")[:2],
        "title": _("Commissioning report"),
        "organisation": report["organisation"]["name"],
        "site": report["site"]["name"],
        "by": signed["by"]["name"] + (f" ({_('by access token')})" if signed["by_token"] else ""),
        "at": _moment(signed["at_us"], zone),
        "zone": report["site"]["time_zone"],
        "remarks": signed["remarks"],
        "root": show_fingerprint(bytes.fromhex(report["root_fingerprint"])),
        "agents": [
            {
                "name": one["name"],
                "software": one["software"],
                "keys": [_grouped(key) for key in one["record_keys"]],
            }
            for one in report["agents"]
        ],
        "cameras": [_camera(one, agents, zone) for one in report["cameras"]],
        "words": _words(report),
    }


def _words(report: dict[str, Any]) -> dict[str, str]:
    return {
        "organisation": _("Organisation"),
        "site": _("Site"),
        "signed": _("Signed off by"),
        "at": _("Signed off at"),
        "remarks": _("Remarks"),
        "root": _("Fingerprint of the organisation's root"),
        "agents": _("Agents"),
        "keys": _("signs records with"),
        "cameras": _("Cameras"),
        "check": _("Point"),
        "state": _("State"),
        "note": _("Who and why"),
        "scan": _("Where the portal shows this report"),
        "attached": _(
            "The signed report is attached to this document as %(name)s. It counts where these pages differ from it. It is "
            "verified without an account: python -m sealing commissioning %(name)s --trust, with the fingerprint above."
        )
        % {"name": ATTACHED},
        "digest": _("SHA-256 of the attached file"),
        "page": _("Page"),
        "of": _("of"),
    }


def _camera(one: dict[str, Any], agents: dict[str, dict[str, Any]], zone: ZoneInfo) -> dict[str, Any]:
    hardware = one.get("hardware") or {}
    kind = " ".join(filter(None, (hardware.get("make"), hardware.get("model")))) or _UNKNOWN
    facts = [
        (_("Make and model"), kind),
        (_("Firmware"), hardware.get("firmware") or _UNKNOWN),
        (_("Serial number"), hardware.get("serial") or _UNKNOWN),
        (_("Agent"), agents[one["agent_id"]]["name"]),
        (_("Link to the camera"), str(WORDS["link", one["link"]][2])),
        (_("Streams"), "; ".join(_stream(stream) for stream in one["streams"]) or _UNKNOWN),
        (_("Kept for"), _("%(days)s days") % {"days": one["retention_days"]}),
        (_("Newest second stored"), _moment(one["newest_us"], zone)),
    ]
    if one["certificate"]:
        facts.append((_("Accepted certificate"), _grouped(one["certificate"])))
    return {
        "name": one["name"],
        "facts": [list(fact) for fact in facts],
        "checks": [_check(check, zone) for check in one["checks"]],
    }


def _stream(stream: dict[str, Any]) -> str:
    size = f"{stream['width']} × {stream['height']}"
    rate = formats.number_format(stream["frames_per_s"], 1)
    return f"{size}, {stream['codec']}, {rate} fps, {formats.number_format(stream['bits_per_s'] / 1e6, 1)} Mbit/s"


def _check(check: dict[str, Any], zone: ZoneInfo) -> dict[str, str]:
    words = {OK: _("in order"), ACCEPTED: _("accepted as it is"), TODO: _("to do")}
    point = BY_KEY.get(check["point"])
    who = f"{check['by']}, {_moment(check['at_us'], zone)}" if check["by"] else _("seen by itself")
    return {
        "label": check["point"] if point is None else label(point),
        "state": check["state"],
        "word": words.get(check["state"], check["state"]),
        "note": f"{who}: {check['reason']}" if check["reason"] else who,
    }


def _moment(us: int | None, zone: ZoneInfo) -> str:
    if us is None:
        return _UNKNOWN
    at: dt.datetime = timezone.localtime(clock.from_us(us), zone)
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _grouped(hexadecimal: str) -> str:
    """In fours, so that lines can break."""
    return " ".join(hexadecimal[at : at + 4] for at in range(0, len(hexadecimal), 4))
