"""The box's own files: private or refused, whole or absent, one agent at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.errors import NotEnrolled, StateUnusable
from edge_agent.files import read_private, write_private
from edge_agent.identity import BadAddress, Enrolling, Identity, hold_state, is_loopback, portal_url
from tests.edge_agent.enrolled import enrolled_box

PORTAL = "https://portal.example"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    enrolled_box(tmp_path / "state", PORTAL, "wss://live.example")
    return tmp_path / "state"


def test_an_identity_comes_back_as_it_was_written_with_a_new_instance_each_time(state: Path) -> None:
    first, second = Identity.load(state), Identity.load(state)
    assert first.portal == PORTAL
    assert first.name == "gatehouse"
    assert first.agent == second.agent
    assert first.keys == second.keys
    assert first.instance != second.instance


def test_every_file_and_folder_is_the_agents_alone(state: Path) -> None:
    for path in [state, *state.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_private_keys_are_never_shown(state: Path) -> None:
    identity = Identity.load(state)
    for secret in (identity.keys.transport, identity.keys.record, identity.keys.box):
        assert repr(secret) not in repr(identity.keys)
        assert secret.hex() not in repr(identity.keys)


def test_an_empty_folder_is_not_enrolled_and_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled, match=r"not enrolled.*enrol PORTAL CODE"):
        Identity.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["", "identity", "identity/record.key", "identity/box.key", "identity/agent.json"]
)
def test_what_others_may_read_is_refused_with_the_command_that_closes_it(state: Path, name: str) -> None:
    path = state / name
    path.chmod(0o750 if path.is_dir() else 0o644)
    with pytest.raises(StateUnusable, match=rf"open to other users .*chmod 0[67]00 {path}"):
        Identity.load(state)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("identity/record.key", b"short"),
        ("identity/record.key", b"x" * 65),
        ("identity/agent.json", b"{"),
        ("identity/agent.json", b"[]"),
        ("identity/agent.json", b'{"portal": "https://portal.example"}'),
    ],
)
def test_a_damaged_file_is_named(state: Path, name: str, data: bytes) -> None:
    (state / name).write_bytes(data)
    with pytest.raises(StateUnusable, match=name):
        Identity.load(state)


def test_two_agents_never_use_one_folder(state: Path) -> None:
    with (
        hold_state(state, wait_s=0.1),
        pytest.raises(StateUnusable, match="another agent uses the folder"),
        hold_state(state, wait_s=0.1),
    ):
        pass
    with hold_state(state):
        pass


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, b"one")
    write_private(path, b"two", durable=False)
    assert read_private(path, most_bytes=3) == b"two"
    with pytest.raises(StateUnusable, match="more than 2 bytes"):
        read_private(path, most_bytes=2)
    with pytest.raises(StateUnusable, match="cannot write"):
        write_private(tmp_path / "absent" / "file", b"three")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_keys_of_an_enrolment_wait_for_the_same_code_and_no_other(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    first = Enrolling.take_up(tmp_path, PORTAL, "aa")
    assert Enrolling.take_up(tmp_path, PORTAL, "aa").keys == first.keys
    assert Enrolling.take_up(tmp_path, PORTAL, "bb").keys != first.keys


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("https://portal.example", PORTAL),
        (" https://portal.example/ ", PORTAL),
        ("https://portal.example:443", PORTAL),
        ("https://Portal.Example:8443", "https://portal.example:8443"),
        ("http://127.0.0.1:8400", "http://127.0.0.1:8400"),
        ("http://localhost:80/", "http://localhost"),
        ("https://[2001:db8::1]:8400", "https://[2001:db8::1]:8400"),
    ],
)
def test_addresses_of_a_portal(typed: str, meant: str) -> None:
    assert portal_url(typed) == meant


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("portal.example", "is not an address"),
        ("ftp://portal.example", "is not an address"),
        ("https://", "is not an address"),
        ("https://portal.example:99999", "is not an address"),
        ("https://portal.example/t/acme", "only scheme, host and port"),
        ("https://user:password@portal.example", "only scheme, host and port"),
        ("http://portal.example", "plain http is only for this machine"),
        ("http://127.0.0.1.example", "plain http is only for this machine"),
    ],
)
def test_addresses_that_cannot_be_a_portals(typed: str, says: str) -> None:
    with pytest.raises(BadAddress, match=says):
        portal_url(typed)


@pytest.mark.parametrize(("host", "is_one"), [("::1", True), ("127.8.8.8", True), ("10.0.0.1", False)])
def test_loopback(host: str, is_one: bool) -> None:
    assert is_loopback(host) is is_one
