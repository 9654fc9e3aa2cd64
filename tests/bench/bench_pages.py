"""Pages: what the portal needs for them with a hundred cameras, and what a browser needs to draw a day of sixteen."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.bench.apart import databases, rows_of
from tests.bench.row import Row

ROOT = Path(__file__).resolve().parent.parent.parent
CAMERAS = 100
TIMES = 15
MANY_CAMERAS = 10_000
MANY_ROLES = 200
PAGES = ("", "sites", "agents", "health", "usage", "palette.json")
ROWS = 16
GAPS = 5000


def rows() -> Iterator[Row]:
    """Server time of each page, in a process of its own with the services it needs; then the timeline in Chromium."""
    yield from rows_of("tests.bench.bench_pages")
    yield from _panning()


def _panning() -> Iterator[Row]:
    from tests.e2e.conftest import CHROMIUM, FLAGS
    from tests.frontend.measure_timeline import measuring, panned

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with measuring(browser) as page:
            found = panned(browser, page, ROWS, GAPS)
        browser.close()
    where = f"{ROWS} cameras × 1 day of {GAPS:,} gaps each; Chromium's trace, drawn without a graphics card"
    yield Row("timeline: main thread a frame while panned, median", found.median, "ms", where, 8)
    yield Row("timeline: main thread a frame while panned, p95", found.p95, "ms", where, 8)


def _measure() -> Iterator[dict[str, Any]]:
    from tenants.scope import tenant_scope
    from tests import cast
    from tests.boxes import make_box, make_keys
    from vsaas.audit.services import system
    from vsaas.cameras.services import NewCamera, camera_add

    people = cast.make_cast()
    make_keys(people.tenant_a)
    agent = make_box(people.tenant_a, people.site_a)
    with tenant_scope(people.tenant_a.id):
        for number in range(CAMERAS):
            camera_add(
                agent.agent(), NewCamera(f"Gate {number}", f"rtsp://192.0.2.1/{number}"), system("bench")
            )
    person = cast.sign_in(people.alice)
    for page in PAGES:
        path = f"/t/{people.tenant_a.slug}/{page}"
        taken = []
        for _ in range(TIMES):
            began = time.perf_counter()
            reply = person.get(path)
            taken.append((time.perf_counter() - began) * 1000)
            assert reply.status_code == 200, (path, reply.status_code)
        name = page or "overview"
        against = f"{CAMERAS} cameras; inside the portal, database included"
        yield {
            "name": f"page {name}: server time, median",
            "value": statistics.median(taken),
            "unit": "ms",
            "against": against,
            "target": 100,
        }


def _deciding() -> Iterator[dict[str, Any]]:
    """What a permission costs somebody with roles of every kind, in an organisation of many cameras and roles."""
    from tenants import access
    from tenants.access import actor_of
    from tenants.permissions import CAMERA_PLAYBACK
    from tenants.scope import tenant_scope
    from vsaas.cameras.models import Camera

    person, tenant_id, ids = _large_estate()
    against = f"{MANY_CAMERAS:,} cameras, {MANY_ROLES} roles, eight grants and denials; database included"
    with tenant_scope(tenant_id):
        actor, rows = actor_of(person), Camera.objects.all()
        cameras = list(Camera.objects.filter(id__in=ids[:: MANY_CAMERAS // 200]))
        acts = {
            "rights of a person read": lambda number: actor_of(person),
            "decision on one camera": lambda number: access.may(actor, CAMERA_PLAYBACK, cameras[number]),
            "ids of all cameras one may play": lambda number: len(
                access.visible(actor, CAMERA_PLAYBACK, rows).values_list("id", flat=True)
            ),
        }
        for name, act in acts.items():
            taken = []
            for number in range(len(cameras) if name.startswith("decision") else TIMES):
                began = time.perf_counter()
                act(number)
                taken.append((time.perf_counter() - began) * 1000)
            yield {
                "name": f"access: {name}, median",
                "value": statistics.median(taken),
                "unit": "ms",
                "against": against,
                "target": 1 if name.startswith("decision") else None,
            }


def _large_estate() -> tuple[Any, Any, list[Any]]:
    """Somebody with eight memberships among many cameras and roles: the account, its tenant, the cameras' ids."""
    from tenants.models import Membership, OrganisationRole
    from tenants.scope import tenant_scope
    from tests import cast
    from tests.boxes import make_box, make_keys
    from vsaas.cameras.models import Camera, CameraGroup
    from vsaas.common import clock

    people = cast.make_cast()
    make_keys(people.tenant_a)
    box = make_box(people.tenant_a, people.site_a)
    with tenant_scope(people.tenant_a.id):
        sites = [cast.make_site(f"Site {number}") for number in range(50)]
        cameras = Camera.objects.bulk_create(
            Camera(agent=box.agent(), site=sites[number % 50], name=f"C {number}", created_at=clock.now())
            for number in range(MANY_CAMERAS)
        )
        CameraGroup.objects.bulk_create(
            CameraGroup(camera=one, name=f"Group {number % 100}") for number, one in enumerate(cameras)
        )
        OrganisationRole.objects.bulk_create(
            OrganisationRole(key=f"role-{number}", title=f"Role {number}", permissions=["camera:playback"])
            for number in range(MANY_ROLES)
        )
        person = cast.make_account("Petra")
        for number in range(3):
            Membership.objects.create(account=person, role=f"role-{number}", site=sites[number])
            Membership.objects.create(account=person, role=f"role-{number + 9}", group=f"Group {number}")
        Membership.objects.create(account=person, role="role-1", camera_id=cameras[7].id)
        Membership.objects.create(account=person, role="", group="Group 50", denies=True)
    return person, people.tenant_a.id, [one.id for one in cameras]


def main() -> None:
    """Prints the rows as JSON on the last line."""
    with databases():
        print(json.dumps([*_measure(), *_deciding()]))


if __name__ == "__main__":
    main()
