"""The page of cameras beside each other: which it shows, from when on, and for whom."""

from __future__ import annotations

import re

from django.db import connections
from django.test.utils import CaptureQueriesContext

from tests.boxes import make_box
from tests.cameras.test_cameras import MAIN, add
from tests.cast import Cast
from vsaas.cameras.services import NewCamera


def test_it_shows_up_to_four_cameras_in_the_order_of_the_address(cast: Cast, client_for, pages):
    box = make_box(cast.tenant_a, cast.site_a)
    ids = [str(add(box, NewCamera(name, MAIN)).id) for name in ("A", "B", "C", "D", "E")]
    alice, page = client_for(cast.alice), f"/t/{cast.tenant_a.slug}/sync"

    def shown(query: str) -> tuple[list[str], str]:
        with CaptureQueriesContext(connections["default"]) as captured:
            reply = alice.get(f"{page}?{query}")
        assert reply.status_code == 200
        queries.append(len(captured))
        text = reply.content.decode()
        return re.findall(r'data-sync-camera="([^"]+)"', text), text

    queries: list[int] = []
    shown(f"cameras={ids[1]}")
    wished = [ids[3], ids[0], ids[3], "no id", ids[2]]
    found, text = shown(f"cameras={','.join(wished)}&at=2026-11-22T14:03:10Z")
    assert found == [ids[3], ids[0], ids[2]]
    assert 'data-at-us="1795356190000000"' in text
    assert 'data-time-zone="Europe/Berlin"' in text
    assert queries[0] == queries[1]
    assert len(shown(f"cameras={','.join(ids)}")[0]) == 4
    found, text = shown("at=nonsense")
    assert found == []
    assert "data-at-us" not in text


def test_one_camera_of_another_site_hides_the_whole_page(cast: Cast, client_for, pages):
    gate = add(make_box(cast.tenant_a, cast.site_a), NewCamera("Gate", MAIN))
    yard = add(make_box(cast.tenant_a, cast.other_site_a), NewCamera("Yard", MAIN))
    bob, page = client_for(cast.bob), f"/t/{cast.tenant_a.slug}/sync?cameras="
    assert bob.get(f"{page}{gate.id}").status_code == 200
    assert bob.get(f"{page}{gate.id},{yard.id}").status_code == 404
