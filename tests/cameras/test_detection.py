"""What the agent looks for in a picture: by the API and in the browser, told to the agent, audited, shown in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.detection import Detection, Zone, cells_of
from tenants.scope import tenant_scope
from tests.cameras.place import Place, call
from tests.reading import text
from vsaas.audit.models import AuditInbox

DOOR = cells_of({(x, y) for x in range(4) for y in range(6)})
TREES = cells_of({(x, 0) for x in range(32)})
ORDER: dict[str, Any] = {
    "motion": True,
    "sensitivity": 4,
    "smallest": 1.5,
    "zones": [{"name": "Door", "cells": DOOR.hex()}],
    "mask": TREES.hex(),
    "tamper": True,
}


def detection(place: Place, document: Any, **also: Any) -> Any:
    return call(place.alice, place, "PATCH", f"cameras/{place.camera.id}", {"detection": document} | also)


def test_it_is_kept_told_to_the_agent_and_audited(place: Place) -> None:
    reply = detection(place, ORDER)
    assert reply.status_code == 200, reply.content
    assert reply.json()["detection"] == ORDER
    told = Detection(True, 4, 15, (Zone("Door", DOOR),), TREES, True)
    assert place.orders()["Door"].detection == told
    with tenant_scope(place.cast.tenant_a.id):
        (act,) = AuditInbox.objects.filter(act="camera.changed")
    assert (act.details["changed"], act.details["before"]) == ("detection", "detection: nothing")
    assert "zone Door (24 cells), mask (32 cells), tamper" in act.details["after"]
    assert detection(place, ORDER | {"sensitivity": 2}, version=1).status_code == 409
    assert detection(place, None).json()["detection"] is None
    assert place.orders()["Door"].detection is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"motion": 1}, "detection.motion"),
        ({"sensitivity": 0}, "detection.sensitivity"),
        ({"sensitivity": True}, "detection.sensitivity"),
        ({"smallest": 51}, "detection.smallest"),
        ({"smallest": "much"}, "detection.smallest"),
        ({"zones": ["Door"]}, "detection.zones.0"),
        ({"zones": [{"name": " ", "cells": DOOR.hex()}]}, "detection.zones.0.name"),
        ({"zones": [{"name": "Door", "cells": "0" * 144}]}, "detection.zones.0.cells"),
        ({"zones": [ORDER["zones"][0]] * 2}, "detection.zones"),
        ({"zones": [ORDER["zones"][0]] * 9}, "detection.zones"),
        ({"mask": "zz" * 72}, "detection.mask"),
        ({"mask": "00"}, "detection.mask"),
        ({"colour": "red"}, "detection.colour"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_is_wrong(
    place: Place, changed: dict[str, Any], field: str
) -> None:
    reply = detection(place, ORDER | changed)
    assert reply.status_code == 422
    assert field in reply.content.decode()
    assert place.orders()["Door"].detection is None


def form(version: int, **changes: Any) -> dict[str, Any]:
    return {
        "version": str(version),
        "motion": "on",
        "sensitivity": "3",
        "smallest": "0,4",
        "mask": "",
        "0-name": "Door",
        "0-cells": DOOR.hex(),
    } | changes


def test_the_page_saves_what_was_typed_and_painted_and_loses_nothing_when_it_cannot(place: Place) -> None:
    url = place.url(f"cameras/{place.camera.id}/detection")
    assert "does not look for anything" in text(place.alice.get(url))
    version = place.now().version
    assert place.alice.post(url, form(version)).status_code == 302
    page = text(place.alice.get(url))
    assert "Saved. It holds as soon as the agent has been told." in page
    assert "motion in 1 zone: Door." in page
    assert place.orders()["Door"].detection == Detection(zones=(Zone("Door", DOOR),))
    assert "motion in 1 zone: Door." in text(place.alice.get(place.settings()))
    stale = place.alice.post(url, form(version, sensitivity="5"))
    assert stale.status_code == 409
    assert place.orders()["Door"].detection.sensitivity == 3
    wrong = place.alice.post(url, form(place.now().version, **{"0-cells": "", "smallest": "0"}))
    assert wrong.status_code == 422
    assert 'value="Door"' in wrong.content.decode()
    unmarked = place.alice.post(url, form(place.now().version, **{"0-cells": ""}))
    assert "Must mark at least one cell" in text(unmarked)


def test_zones_are_added_and_removed_without_saving(place: Place) -> None:
    url = place.url(f"cameras/{place.camera.id}/detection")
    more = place.alice.post(url, form(1, add="1"))
    assert more.status_code == 200
    assert 'name="1-name"' in more.content.decode()
    less = place.alice.post(url, form(1, remove="0"))
    assert 'name="0-name"' not in less.content.decode()
    assert place.now().detection is None


def test_nothing_to_look_for_is_nothing(place: Place) -> None:
    url = place.url(f"cameras/{place.camera.id}/detection")
    nothing = {"version": "1", "sensitivity": "3", "smallest": "0.4", "mask": ""}
    assert place.alice.post(url, nothing).status_code == 302
    assert place.now().detection is None
    assert place.now().version == 1
