"""The form of a camera, and an agent at the site that tries the address on a real camera."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from edge_agent.address_test import NoPicture, try_address
from protocol import control
from protocol.camera_source import open_source
from protocol.order import PICTURE, Answer, Order, TryAddress, seal_picture
from sealing.cose import parse1
from sealing.ids import Stream
from tests.frontend.test_estate import SHOTS, Estate, estate
from tests.live.studio import Place, recorder
from tests.live_hub import running_hub
from vsaas.cameras.addresses import split_credentials
from vsaas.onebox.demo_camera import DemoCameraConfig, demo_camera_thread

__all__ = ["estate"]
ANSWERED_MS = 30_000


@contextmanager
def trying(estate: Estate) -> Iterator[None]:
    """The box of the estate at its control socket, trying what it is asked to."""
    place = Place(estate.cast, estate.box, estate.camera, b"", b"", 0)
    ready, done = threading.Event(), threading.Event()

    def answer(order: Order, task: TryAddress) -> Answer:
        keys = estate.box.box
        source = open_source(
            order.tenant,
            task.camera,
            Stream(task.stream),
            task.source,
            keys.private_bytes_raw(),
            keys.public_key().public_bytes_raw(),
        )
        try:
            found = try_address(source, task.audio)
        except NoPicture as why:
            return Answer(why.cause, why.number, why.facts)
        sealed = seal_picture(order, found.facts.codec, found.configuration, found.picture)
        return Answer(PICTURE, facts=found.facts, sealed=sealed)

    async def work() -> None:
        async with recorder(place) as agent:
            ready.set()
            while not done.is_set():
                push = await agent.order(control.OrderPush)
                order = Order.from_payload(parse1(push.signed).payload)
                assert isinstance(order.task, TryAddress)
                said = await asyncio.to_thread(answer, order, order.task)
                await agent.control.send(control.encode(control.OrderAnswer(order.order, said.encode())))

    loop = asyncio.new_event_loop()
    task = loop.create_task(work())

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(20)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(20)


@pytest.fixture
def hub(portal: str) -> Iterator[str]:
    with running_hub(public_url=portal) as url:
        yield url


def test_an_address_is_tested_on_the_form_before_anything_is_saved(hub: str, estate: Estate) -> None:
    page = estate.page(f"cameras/add?agent={estate.box.agent_id}")
    page.get_by_label("Name").fill("Yard east")
    result = page.locator("[data-result]")
    button = page.get_by_role("button", name="Test this address")
    with demo_camera_thread(DemoCameraConfig()) as camera:
        address, user, password = split_credentials(camera.url("main"))
        page.get_by_label("Main stream").fill(address)
        page.locator("[name=user]").fill(user)
        page.locator("[name=password]").fill(password)
        button.click()
        expect(result).to_contain_text("is not connected now", timeout=ANSWERED_MS)
        estate.noise[:] = [line for line in estate.noise if "409" not in line]
        with trying(estate):
            button.focus()
            page.keyboard.press("Enter")
            expect(result.locator("canvas")).to_be_visible(timeout=ANSWERED_MS)
            expect(result).to_contain_text("This address works")
            expect(result).to_contain_text("H.264, ")
            drawn = """canvas => { const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                return new Set(data).size }"""
            assert result.locator("canvas").evaluate(drawn) > 20, "the picture is not one colour"
            assert Axe().run(page).violations_count == 0
            for width, height in ((1440, 900), (390, 844)):
                page.set_viewport_size({"width": width, "height": height})
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                for theme in ("light", "dark"):
                    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
                    if SHOTS:
                        result.scroll_into_view_if_needed()
                        page.screenshot(path=os.path.join(SHOTS, f"address-{width}-{theme}.png"))
            page.locator("[name=password]").fill("wrong")
            button.click()
            expect(result).to_contain_text("refuses the user name or the password", timeout=ANSWERED_MS)
            if SHOTS:
                page.screenshot(path=os.path.join(SHOTS, "address-refused.png"))
    expect(page.get_by_label("Name")).to_have_value("Yard east")
    expect(page.locator("[name=main_url]")).to_have_value(address)
