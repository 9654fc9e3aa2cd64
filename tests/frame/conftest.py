"""Real Chromium before a real portal, with an organisation whose names are as odd as people's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.boxes import Box, make_box, make_keys
from tests.cast import Cast, make_cast, sign_in
from tests.live_portal import Portal, aside
from vsaas.accounts.models import Account
from vsaas.agents.models import Agent
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera, camera_add

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
LONG = "Loading dock at the very end of the long corridor behind the old bakery, north side"[:80]
RIGHT_TO_LEFT = "מצלמת הכניסה הראשית"
EMOJI = "🚪 Door 🥐"


# The browser lives as long as this package and no longer: its event loop must be gone before asynchronous tests run.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def portal(database: None, pages: None) -> Iterator[Portal]:
    made = Portal()
    made.start()
    yield made
    made.stop()


@dataclass(frozen=True)
class House:
    """Tenant A with cameras at Gate and Yard; tenant B with one."""

    cast: Cast
    cameras: dict[str, Camera]
    sessions: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return self.cast.tenant_a.slug


@pytest.fixture(scope="package")
def house(portal: Portal) -> House:
    """Made once: what tests change of it, they say."""
    return aside(_make_house)


def _make_house() -> House:
    cast = make_cast()
    make_keys(cast.tenant_a)
    make_keys(cast.tenant_b)
    gate, yard = make_box(cast.tenant_a, cast.site_a), make_box(cast.tenant_a, cast.other_site_a)
    depot = make_box(cast.tenant_b, cast.site_b)
    rows = [(cast.tenant_a, gate, name) for name in ("Gate 1", "Gate 2", LONG)]
    rows += [(cast.tenant_a, yard, name) for name in (RIGHT_TO_LEFT, EMOJI)]
    rows.append((cast.tenant_b, depot, "Loading ramp"))
    return House(cast, {name: _camera(tenant, box, name) for tenant, box, name in rows})


def _camera(tenant: Tenant, box: Box, name: str) -> Camera:
    with tenant_scope(tenant.id, keys=True):
        agent = Agent.objects.get(id=box.agent_id)
        return camera_add(agent, NewCamera(name, "rtsp://user:secret@192.0.2.1/main"), system("tests"))


def session_of(house: House, account: Account) -> dict[str, str]:
    """The cookies of a browser in which the account signed in; one sign-in per account and run."""
    key = str(account.pk)
    if key not in house.sessions:
        client = aside(lambda: sign_in(account))
        house.sessions[key] = {name: morsel.value for name, morsel in client.cookies.items()}
    return house.sessions[key]


def enter(context: BrowserContext, portal: Portal, house: House, account: Account) -> None:
    """Puts an account's session into a browser, beside those it has."""
    cookies = session_of(house, account)
    context.add_cookies(
        [{"name": name, "value": value, "url": portal.address} for name, value in cookies.items()]
    )


class Noise:
    """What browsers complain about: script errors, refused resources, the policy."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.heard.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: (
                self.heard.append(f"{page.url}: {message.type}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )


@pytest.fixture
def noise() -> Iterator[Noise]:
    """Listens; a test that ends with something heard fails. Expected noise is taken off the list by the test."""
    made = Noise()
    yield made
    assert made.heard == []


Opens = Callable[..., BrowserContext]


@pytest.fixture
def context_of(browser: Browser, portal: Portal, house: House, noise: Noise) -> Iterator[Opens]:
    """`context_of(account, …, **options of a context)`: a browser signed in as each of the accounts."""
    made: list[BrowserContext] = []

    def opened(*accounts: Account, **options: object) -> BrowserContext:
        context = browser.new_context(**({"viewport": DESKTOP} | options))  # type: ignore[arg-type]
        context.on("page", noise.listen)
        for account in accounts:
            enter(context, portal, house, account)
        made.append(context)
        return context

    yield opened
    for context in made:
        context.close()


@pytest.fixture
def alice(context_of: Opens, house: House) -> Page:
    """The owner's page, on a desktop."""
    return context_of(house.cast.alice).new_page()


@pytest.fixture
def address(portal: Portal, house: House) -> Callable[[str], str]:
    """`address("agents")`: a page of tenant A."""
    return lambda rest="": f"{portal.address}/t/{house.slug}/{rest}"
