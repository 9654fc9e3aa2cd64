"""Enrolment through the command line: what a box keeps, what it refuses, and what it leaves behind (nothing)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.__main__ import main
from edge_agent.identity import Enrolling, Identity
from edge_agent.keys import BoxKeys
from edge_agent.orders import Orders
from protocol.enrolment import EnrolmentCode
from sealing.ids import show_fingerprint
from tests.edge_agent.tiny_portal import Organisation, Reply, TinyPortal, problem


@pytest.fixture
def portal() -> Iterator[TinyPortal]:
    with TinyPortal().serving() as portal:
        yield portal


@pytest.fixture
def organisation(portal: TinyPortal) -> Organisation:
    organisation = Organisation()
    portal.enrols(organisation)
    return organisation


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "box"


def enrol(portal: TinyPortal, code: EnrolmentCode, state: Path, *more: str) -> int:
    return main(["enrol", portal.url, code.text(), "--state", str(state), *more])


def test_a_box_is_enrolled_and_shows_the_root_it_trusts(
    portal: TinyPortal, organisation: Organisation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enrol(portal, organisation.code, state, "--name", "gatehouse") == 0
    shown = capsys.readouterr()
    assert show_fingerprint(organisation.code.fingerprint) in shown.out
    assert "'gatehouse'" in shown.out
    identity = Identity.load(state)
    assert identity.agent == organisation.agent
    assert identity.fingerprint == organisation.code.fingerprint
    assert Orders.load(identity).statement_number == len(organisation.statements) - 1
    assert not Enrolling.waits(state)
    for secret in (
        identity.keys.transport,
        identity.keys.record,
        identity.keys.box,
        organisation.code.secret,
    ):
        assert secret.hex() not in shown.out + shown.err


def test_the_code_may_come_from_standard_input_in_any_grouping(
    portal: TinyPortal, organisation: Organisation, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = organisation.code.text().replace("-", " ").lower()
    monkeypatch.setattr("sys.stdin", io.StringIO(typed + "\n"))
    assert main(["enrol", portal.url, "-", "--state", str(state)]) == 0


def test_enrolling_twice_is_refused_and_says_what_to_do(
    portal: TinyPortal, organisation: Organisation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enrol(portal, organisation.code, state) == 0
    before = Identity.load(state).keys
    asked = len(portal.requests)
    assert enrol(portal, organisation.code, state) == 4
    assert "is enrolled already" in (error := capsys.readouterr().err)
    assert "--state" in error
    assert len(portal.requests) == asked
    assert Identity.load(state).keys == before


def test_a_false_portal_is_noticed_and_leaves_nothing(
    portal: TinyPortal, organisation: Organisation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody else answers with statements of a root of their own that name this box's keys correctly."""
    portal.enrols(Organisation(organisation.tenant))
    assert enrol(portal, organisation.code, state) == 6
    error = capsys.readouterr().err
    assert "does not own the organisation this code is for" in error
    assert show_fingerprint(organisation.code.fingerprint) in error
    assert "Nothing was kept" in error
    assert not state.exists()


def _keys_of_somebody_else(organisation: Organisation) -> list[bytes]:
    other = BoxKeys.new()
    organisation.admit(other.record_public, other.transport_public, other.box_public)
    return organisation.statements


def _agent_unknown(organisation: Organisation) -> list[bytes]:
    return organisation.statements


def _one_left_out(organisation: Organisation) -> list[bytes]:
    organisation.admit(*[BoxKeys.new().record_public for _ in range(3)])
    return [*organisation.statements[:2], *organisation.statements[3:]]


def _one_bit_changed(organisation: Organisation) -> list[bytes]:
    last = bytearray(organisation.statements[-1])
    last[-1] ^= 1
    return [*organisation.statements[:-1], bytes(last)]


def _none(organisation: Organisation) -> list[bytes]:
    return []


@pytest.mark.parametrize(
    ("forge", "says"),
    [
        (_keys_of_somebody_else, "name other keys for this box"),
        (_agent_unknown, "no statement names the agent"),
        (_one_left_out, "does not hold"),
        (_one_bit_changed, "does not hold"),
        (_none, "there are no statements"),
    ],
)
def test_statements_that_do_not_vouch_for_this_box_are_refused_and_leave_nothing(
    portal: TinyPortal,
    organisation: Organisation,
    state: Path,
    capsys: pytest.CaptureFixture[str],
    forge: Callable[[Organisation], list[bytes]],
    says: str,
) -> None:
    portal.enrols(organisation, statements=list(forge(organisation)))
    assert enrol(portal, organisation.code, state) == 6
    error = capsys.readouterr().err
    assert re.search(says, error), error
    assert "the code is spent" in error
    assert not state.exists()


def test_a_command_document_of_another_key_is_refused(
    portal: TinyPortal, organisation: Organisation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    organisation.command_signer = Organisation().command_signer
    assert enrol(portal, organisation.code, state) == 6
    assert "does not hold" in capsys.readouterr().err
    assert not state.exists()


def test_after_a_lost_reply_the_same_code_and_keys_are_used_again(
    portal: TinyPortal, organisation: Organisation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = portal.routes["POST /agent/v1/enrol"]

    def lose(request: object) -> Reply:
        answer(request)  # type: ignore[arg-type]
        return Reply(hang_up=True)

    portal.routes["POST /agent/v1/enrol"] = lose
    assert enrol(portal, organisation.code, state) == 7
    assert "give the same command again" in capsys.readouterr().err
    assert Enrolling.waits(state)
    admitted = len(organisation.statements)
    portal.routes["POST /agent/v1/enrol"] = answer
    assert enrol(portal, organisation.code, state) == 0
    assert len(organisation.statements) == admitted
    assert Identity.load(state).agent == organisation.agent


def test_a_refused_code_says_why_and_leaves_nothing(
    portal: TinyPortal, organisation: Organisation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.scripted = [problem(403, "enrolment-refused", "this code has run out: ask for a new one")]
    assert enrol(portal, organisation.code, state) == 5
    assert "this code has run out: ask for a new one" in capsys.readouterr().err
    assert not state.exists()


def test_a_portal_that_asks_to_wait_keeps_the_keys_for_the_next_attempt(
    portal: TinyPortal, organisation: Organisation, state: Path
) -> None:
    portal.scripted = [problem(429, "too-many", "too many wrong codes from this address", Retry_After="600")]
    assert enrol(portal, organisation.code, state) == 8
    assert enrol(portal, organisation.code, state) == 0


def test_where_the_customer_holds_the_keys_the_command_waits_for_a_signature(
    portal: TinyPortal, organisation: Organisation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    says = "one of the holders has to sign that this agent belongs to the organisation"
    portal.scripted = [problem(409, "waits-for-holder", says, Retry_After="1")]
    assert enrol(portal, organisation.code, state) == 0
    assert capsys.readouterr().err.count(says) == 1
    assert Identity.load(state).agent == organisation.agent


def test_an_answer_that_is_no_enrolment_leaves_nothing(
    portal: TinyPortal, organisation: Organisation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.scripted = [Reply(200, b"{}")]
    assert enrol(portal, organisation.code, state) == 6
    assert "is not an enrolment" in capsys.readouterr().err
    assert not state.exists()


@pytest.mark.parametrize(
    ("code", "says"),
    [("ABCD", "the code has 4 letters"), ("1" * 68, "holds a character that no code has")],
)
def test_a_mistyped_code_is_refused_before_anything_is_sent(
    portal: TinyPortal, state: Path, capsys: pytest.CaptureFixture[str], code: str, says: str
) -> None:
    assert main(["enrol", portal.url, code, "--state", str(state)]) == 2
    assert says in capsys.readouterr().err
    assert not portal.requests
    assert not state.exists()


def test_plain_http_to_another_machine_is_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["enrol", "http://portal.example", Organisation().code.text(), "--state", str(state)]) == 2
    assert "https://portal.example" in capsys.readouterr().err


def test_a_folder_that_others_may_read_is_refused(
    portal: TinyPortal, organisation: Organisation, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state.mkdir(mode=0o755)
    state.chmod(0o755)
    assert enrol(portal, organisation.code, state) == 4
    assert "chmod 0700" in capsys.readouterr().err
    assert not portal.requests
