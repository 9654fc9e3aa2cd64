"""The wall's page as the portal answers it: any number of cameras, odd names, and how many queries that takes."""

from __future__ import annotations

import html
import re

from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.boxes import make_box
from tests.cameras.test_cameras import MAIN, SUB, add
from tests.cast import Cast
from vsaas.cameras.services import NewCamera


def page(client: Client, cast: Cast) -> str:
    reply = client.get(f"/t/{cast.tenant_a.slug}/")
    assert reply.status_code == 200
    text: str = reply.content.decode()
    return text


def test_every_camera_has_a_tile_that_says_what_its_pictures_need(cast: Cast, client_for, pages):
    box = make_box(cast.tenant_a, cast.site_a)
    camera = add(box, NewCamera("Gate", MAIN, SUB))
    for person, audio in ((cast.alice, "1"), (cast.bob, "0")):
        text = page(client_for(person), cast)
        (tile,) = re.findall(r"<li class=\"tile\"[^>]*>", text)
        for fact in (
            f'data-camera="{camera.id}"',
            'data-state="agent-offline"',
            'data-time-zone="Europe/Berlin"',
            'data-streams="main sub"',
            'data-live="1"',
            'data-playback="1"',
            f'data-audio="{audio}"',
        ):
            assert fact in tile
    assert 'data-columns="1" data-rows="1"' in text


def test_names_in_any_script_arrive_whole_and_harmless(cast: Cast, client_for, pages):
    names = ["بوابة الشمال ٣", "🚪 Door 👀", '<img src=x onerror="1">', "W" * 80]
    box = make_box(cast.tenant_a, cast.site_a)
    for name in names:
        add(box, NewCamera(name, MAIN))
    text = page(client_for(cast.alice), cast)
    assert "<img src=x" not in text
    assert set(re.findall(r"<h2 dir=\"auto\">(.*?)</h2>", text)) == {html.escape(name) for name in names}


def test_without_cameras_the_page_says_what_to_do(cast: Cast, client_for, pages):
    assert "Enrol an agent" in page(client_for(cast.alice), cast)
    assert "No camera is shared with you yet" in page(client_for(cast.bob), cast)


def test_a_hundred_cameras_take_as_many_queries_as_ten(cast: Cast, client_for, pages):
    box = make_box(cast.tenant_a, cast.site_a)
    alice = client_for(cast.alice)

    def queries() -> int:
        with CaptureQueriesContext(connections["default"]) as captured:
            page(alice, cast)
        return len(captured)

    for number in range(10):
        add(box, NewCamera(f"Camera {number}", MAIN, SUB))
    page(alice, cast)
    ten = queries()
    for number in range(10, 100):
        add(box, NewCamera(f"Camera {number}", MAIN, SUB))
    assert queries() == ten
    assert len(re.findall(r"<li class=\"tile\"", page(alice, cast))) == 100
