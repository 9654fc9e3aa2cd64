"""A box that was enrolled: its state folder as `enrol` leaves it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_agent.files import make_private_folder
from edge_agent.identity import Enrolling, Identity
from edge_agent.orders import FOLDER, Orders
from protocol.command import CameraOrder
from sealing.ids import fingerprint
from sealing.statement import verify_statements
from tests.edge_agent.tiny_portal import Organisation


@dataclass
class EnrolledBox:
    organisation: Organisation
    state: Path
    identity: Identity

    def orders(self) -> Orders:
        """As a start of the agent reads them."""
        return Orders.load(self.identity)


def enrolled_box(
    state: Path, portal: str, live_url: str, *, cameras: int = 0, sub: bool = False
) -> EnrolledBox:
    """A box with a number of cameras, without asking any portal."""
    organisation = Organisation()
    make_private_folder(state)
    enrolling = Enrolling.take_up(state, portal, "00")
    keys = enrolling.keys
    organisation.admit(keys.record_public, keys.transport_public, keys.box_public)
    orders: tuple[CameraOrder, ...] = tuple(
        organisation.camera(keys.box_public, sub=sub) for _ in range(cameras)
    )
    root = fingerprint(organisation.root.public_key)
    Orders(
        state / FOLDER,
        organisation.tenant,
        organisation.agent,
        keys,
        verify_statements(organisation.statements, root),
        organisation.command(1, orders),
        live_url,
    ).save()
    enrolling.complete(
        state,
        tenant=organisation.tenant,
        tenant_slug="acme",
        agent=organisation.agent,
        name="gatehouse",
        fingerprint=root,
    )
    return EnrolledBox(organisation, state, Identity.load(state))
