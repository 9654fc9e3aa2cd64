"""Verifying and opening footage folders: whole ones, and every way one may have been changed."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from sealing.__main__ import iso, main
from sealing.folder import FolderWriter
from sealing.ids import EventType, GapReason, Rendition, Stream
from sealing.statement import AgentRevoked, TrustedUpTo
from sealing.tombstone import parse_tombstone, sign_tombstone
from sealing.verify import Report, State, verify_folder
from tests.sealing.footage import Camera, Tenant, at_us, write_folder, write_key_file
from tests.sealing.media import aac, alaw, video


@pytest.fixture
def tenant() -> Tenant:
    return Tenant()


@pytest.fixture
def gate(tenant: Tenant) -> Camera:
    """Gate: 6 segments of 10 s without interruption, and a beat."""
    camera = Camera(tenant, tenant.agent(), name="Gate")
    camera.start()
    for number in range(6):
        camera.record(10 * number)
    camera.beat(61)
    return camera


@pytest.fixture
def yard(tenant: Tenant) -> Camera:
    """Yard, of another agent: 3 segments, restarted, a gap of 20 s declared, 3 more."""
    camera = Camera(tenant, tenant.agent(), stream=Stream.SUB, name="Yard")
    camera.start()
    for number in range(3):
        camera.record(10 * number)
    camera.start(45)
    camera.gap(30, 50, GapReason.AGENT_STOPPED)
    for number in range(5, 8):
        camera.record(10 * number)
    return camera


def verified(folder: FolderWriter, tenant: Tenant) -> Report:
    return verify_folder(folder.path, tenant.fingerprint)


def object_of(folder: FolderWriter, camera: Camera, number: int) -> Path:
    return folder.object_path(camera.segments[number])


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(bytes(data))


def records(camera: Camera, chain: int = 0) -> list[bytes]:
    return list(camera.chains.values())[chain]


def test_two_agents_footage_is_verified_and_its_gap_is_told(
    tmp_path: Path, tenant: Tenant, gate: Camera, yard: Camera
) -> None:
    report = verified(write_folder(tmp_path, [gate, yard]), tenant)
    states = {stream.name: stream.state for stream in report.streams}
    assert states == {"Gate": State.VERIFIED_AGENT_TRUSTED, "Yard": State.VERIFIED_WITH_GAPS}
    assert report.state is State.VERIFIED_WITH_GAPS
    assert report.first_failure is None
    assert report.last_good_us == at_us(80)


def test_without_a_trusted_fingerprint_nothing_is_called_verified(tmp_path: Path, gate: Camera) -> None:
    report = verify_folder(write_folder(tmp_path, [gate]).path)
    assert report.state is State.CONSISTENT
    assert [stream.state for stream in report.streams] == [State.CONSISTENT]


def test_a_middle_range_without_genesis_is_verified_when_the_folder_says_so(
    tmp_path: Path, tenant: Tenant, gate: Camera
) -> None:
    chain = next(iter(gate.chains))
    gate.chains[chain] = gate.chains[chain][3:]
    gate.segments = gate.segments[2:]
    assert (
        verified(write_folder(tmp_path / "partial", [gate], partial=True), tenant).state
        is State.VERIFIED_AGENT_TRUSTED
    )
    report = verified(write_folder(tmp_path / "whole", [gate]), tenant)
    assert report.state is State.TAMPERED
    assert report.first_failure is not None
    assert report.first_failure.error.name == "no-genesis"


def rewrite(folder: FolderWriter, camera: Camera) -> None:
    """Put the camera's changed records into the folder."""
    for chain, items in camera.chains.items():
        folder.chain(camera.id, camera.stream, chain, items)


Change = Callable[[FolderWriter, Camera], object]


def _remove_record(folder: FolderWriter, gate: Camera) -> None:
    del records(gate)[3]
    rewrite(folder, gate)
    object_of(folder, gate, 2).unlink()


def _remove_record_and_keep_object(folder: FolderWriter, gate: Camera) -> None:
    del records(gate)[3]
    rewrite(folder, gate)


def _swap_records(folder: FolderWriter, gate: Camera) -> None:
    items = records(gate)
    items[3], items[4] = items[4], items[3]
    rewrite(folder, gate)


def _repeat_record(folder: FolderWriter, gate: Camera) -> None:
    records(gate).insert(4, records(gate)[3])
    rewrite(folder, gate)


def _alter_record(folder: FolderWriter, gate: Camera) -> None:
    items = records(gate)
    items[3] = items[3][:-1] + bytes([items[3][-1] ^ 1])
    rewrite(folder, gate)


def _fork(folder: FolderWriter, gate: Camera) -> None:
    """Another segment signed at seq 3, as a copied agent would, in the place of the true one."""
    copy = Camera(gate.tenant, gate.agent, name=gate.name, id=gate.id)
    copy.start()
    for number in range(2):
        copy.record(10 * number)
    true = gate.segments[2]
    copy.head = type(gate.head)(gate.tenant.id, gate.id, gate.stream, true.chain, 3, true.prev)
    copy.chains[true.chain] = []
    forged = copy.record(20)
    records(gate)[3] = copy.chains[true.chain][0]
    object_of(folder, gate, 2).unlink()
    folder.object_path(forged).write_bytes(copy.objects[forged.segment])
    rewrite(folder, gate)


CHANGES: dict[str, tuple[Change, State, str, float, float]] = {
    "first byte of an object altered": (
        lambda folder, gate: flip(object_of(folder, gate, 2), 0), State.TAMPERED, "wrong-root", 20, 20
    ),
    "last byte of an object (its index) altered": (
        lambda folder, gate: flip(object_of(folder, gate, 5), -1), State.TAMPERED, "wrong-root", 50, 50
    ),
    "object cut off": (
        lambda folder, gate: object_of(folder, gate, 1).write_bytes(object_of(folder, gate, 1).read_bytes()[:-1]),
        State.TAMPERED, "truncated", 10, 10,
    ),
    "object made longer": (
        lambda folder, gate: object_of(folder, gate, 1).write_bytes(object_of(folder, gate, 1).read_bytes() + b"x"),
        State.TAMPERED, "bad-length", 10, 10,
    ),
    "two objects swapped": (
        lambda folder, gate: (
            object_of(folder, gate, 3).rename(folder.path / "aside"),
            object_of(folder, gate, 4).rename(object_of(folder, gate, 3)),
            (folder.path / "aside").rename(object_of(folder, gate, 4)),
        ),
        State.TAMPERED, "wrong-root", 30, 30,
    ),
    "object removed": (lambda folder, gate: object_of(folder, gate, 3).unlink(), State.MISSING, "missing-object", 30, 30),
    "record and object removed": (_remove_record, State.TAMPERED, "out-of-order", 20, 20),
    "record removed": (_remove_record_and_keep_object, State.TAMPERED, "out-of-order", 20, 20),
    "two records swapped": (_swap_records, State.TAMPERED, "out-of-order", 20, 20),
    "record twice": (_repeat_record, State.TAMPERED, "out-of-order", 30, 30),
    "record altered": (_alter_record, State.TAMPERED, "bad-signature", 20, 20),
    "record replaced by a fork": (_fork, State.TAMPERED, "broken-chain", 30, 30),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_with_its_time_and_the_last_good_second(
    name: str, tmp_path: Path, tenant: Tenant, gate: Camera, yard: Camera
) -> None:
    change, state, error, failed, good = CHANGES[name]
    folder = write_folder(tmp_path, [gate, yard])
    change(folder, gate)
    report = verified(folder, tenant)
    failure = report.first_failure
    assert failure is not None
    assert (report.state, failure.error.name, failure.time_us) == (state, error, at_us(failed))
    assert (failure.camera, failure.stream) == (gate.id, gate.stream)
    assert report.last_good_us == at_us(good)
    assert {stream.name: stream.state for stream in report.streams}["Yard"] is State.VERIFIED_WITH_GAPS


def test_the_first_of_several_failures_is_the_earliest(tmp_path: Path, tenant: Tenant, gate: Camera) -> None:
    folder = write_folder(tmp_path, [gate])
    object_of(folder, gate, 1).unlink()
    flip(object_of(folder, gate, 4), 100)
    report = verified(folder, tenant)
    assert report.state is State.TAMPERED
    assert report.first_failure is not None
    assert (report.first_failure.state, report.first_failure.time_us) == (State.MISSING, at_us(10))
    assert report.last_good_us == at_us(10)


def test_an_object_nobody_signed_for_is_unsigned(tmp_path: Path, tenant: Tenant, gate: Camera) -> None:
    folder = write_folder(tmp_path, [gate])
    good = object_of(folder, gate, 0)
    good.with_name(uuid.uuid4().hex).write_bytes(good.read_bytes())
    assert verified(folder, tenant).state is State.UNSIGNED
    good.with_name("notes.txt").write_text("not footage")
    report = verified(folder, tenant)
    assert report.state is State.UNSIGNED
    assert [failure.error.name for failure in report.failures] == ["missing-record"]


def test_a_hole_without_a_gap_record_is_missing_footage(tmp_path: Path, tenant: Tenant) -> None:
    camera = Camera(tenant, tenant.agent())
    camera.start()
    camera.record(0)
    camera.record(11)
    folder = write_folder(tmp_path / "a second is bridged", [camera])
    assert verified(folder, tenant).state is State.VERIFIED_AGENT_TRUSTED
    camera.record(22.1)
    report = verified(write_folder(tmp_path / "more is not", [camera]), tenant)
    assert report.state is State.MISSING
    assert report.first_failure is not None
    assert (report.first_failure.error.name, report.first_failure.time_us) == ("undeclared-gap", at_us(21))
    assert report.last_good_us == at_us(21)


def test_deletion_by_policy_is_told_apart_from_deletion_outside_it(
    tmp_path: Path, tenant: Tenant, gate: Camera
) -> None:
    gone = gate.segments[1:3]
    policy = gate.tombstone(gone)

    def state(name: str, *tombstones: bytes) -> tuple[State, str | None]:
        folder = write_folder(tmp_path / name, [gate], list(tombstones))
        for segment in gone:
            folder.object_path(segment).unlink()
        report = verified(folder, tenant)
        return report.state, report.first_failure and report.first_failure.error.name

    assert state("policy", policy) == (State.DELETED_BY_POLICY, None)
    assert state("nothing") == (State.MISSING, "missing-object")
    assert state("one of two", gate.tombstone(gone[:1])) == (State.MISSING, "missing-object")
    assert state("too soon", gate.tombstone(gone, deleted=15)) == (
        State.DELETED_OUTSIDE_POLICY,
        "wrong-scope",
    )
    assert state("not these records", _for_other_records(gate)) == (
        State.DELETED_OUTSIDE_POLICY,
        "wrong-scope",
    )
    altered = policy[:-1] + bytes([policy[-1] ^ 1])
    assert state("altered", altered) == (State.DELETED_OUTSIDE_POLICY, "bad-signature")
    assert state("altered and good", altered, policy) == (State.DELETED_BY_POLICY, None)
    assert state("unreadable", b"nonsense") == (State.MISSING, "missing-object")
    assert state("by the agent", _by_the_agent(gate, gone)) == (State.DELETED_OUTSIDE_POLICY, "bad-signature")


def test_an_object_that_is_there_and_cannot_be_read_was_not_deleted_whatever_a_tombstone_says(
    tmp_path: Path, tenant: Tenant, gate: Camera
) -> None:
    folder = write_folder(tmp_path / "folder", [gate], [gate.tombstone(gate.segments[1:2])])
    path = object_of(folder, gate, 1)
    path.unlink()
    path.mkdir()  # reading it fails, for root too
    report = verified(folder, tenant)
    assert report.state is State.MISSING
    assert report.first_failure is not None
    assert report.first_failure.error.name == "missing-object"
    assert report.first_failure.time_us == at_us(10)


def test_footage_whose_time_cannot_be_right_covers_no_hole(tmp_path: Path, tenant: Tenant) -> None:
    camera = Camera(tenant, tenant.agent())
    camera.start()
    camera.record(0)
    # It ends an hour after it was signed: a clock gone wrong, or somebody who would hide the hole that follows.
    camera.gap(10, 3610, signed=20)
    camera.record(60)
    report = verified(write_folder(tmp_path / "folder", [camera]), tenant)
    assert report.state is State.MISSING
    assert report.first_failure is not None
    assert (report.first_failure.error.name, report.first_failure.time_us) == ("undeclared-gap", at_us(10))


def _for_other_records(gate: Camera) -> bytes:
    stone, _ = parse_tombstone(gate.tombstone(gate.segments[1:3]))
    ranges = tuple(replace(item, first=item.first + 10, last=item.last + 10) for item in stone.ranges)
    return sign_tombstone(replace(stone, ranges=ranges), gate.tenant.deletion)


def _by_the_agent(gate: Camera, gone: Any) -> bytes:
    return sign_tombstone(parse_tombstone(gate.tombstone(gone))[0], gate.agent.signer)


def test_statements_rolled_back_altered_or_of_another_root_are_refused(
    tmp_path: Path, tenant: Tenant, gate: Camera
) -> None:
    folder = write_folder(tmp_path, [gate])
    seen = verified(folder, tenant).seen
    whole = list(tenant.statements)

    def refusal(statements: list[bytes], fingerprint: bytes = tenant.fingerprint) -> tuple[State, str | None]:
        folder.statements(statements)
        report = verify_folder(folder.path, fingerprint, seen)
        return report.state, report.first_failure and report.first_failure.error.name

    assert refusal(whole) == (State.VERIFIED_AGENT_TRUSTED, None)
    assert refusal(whole[:-1]) == (State.TAMPERED, "rolled-back")
    assert refusal(whole[:1] + whole[2:]) == (State.TAMPERED, "broken-statements")
    assert refusal(whole, Tenant().fingerprint) == (State.TAMPERED, "wrong-root-key")
    assert refusal([]) == (State.TAMPERED, "broken-statements")
    folder.statements(whole[:-1])
    report = verified(folder, tenant)
    assert report.first_failure is not None
    assert (report.state, report.first_failure.error.name) == (State.TAMPERED, "unknown-signer")


def test_a_revoked_agents_later_records_are_refused(tmp_path: Path, tenant: Tenant, gate: Camera) -> None:
    last = gate.segments[3]
    tenant.state(AgentRevoked(gate.agent.id, (TrustedUpTo(last.chain, last.seq, gate.segments[4].prev),)))
    report = verified(write_folder(tmp_path, [gate]), tenant)
    assert report.first_failure is not None
    assert (report.state, report.first_failure.error.name) == (State.TAMPERED, "revoked-signer")
    assert (report.first_failure.time_us, report.last_good_us) == (at_us(40), at_us(40))


def test_the_end_of_a_chain_that_another_follows_cannot_be_cut_off(
    tmp_path: Path, tenant: Tenant, yard: Camera
) -> None:
    records(yard).pop()
    folder = write_folder(tmp_path / "cut", [yard])
    object_of(folder, yard, 2).unlink()
    report = verified(folder, tenant)
    assert report.first_failure is not None
    assert (report.state, report.first_failure.error.name) == (State.MISSING, "missing-record")
    assert report.first_failure.time_us == at_us(20)
    first = next(iter(yard.chains))
    del yard.chains[first]
    yard.segments = yard.segments[3:]
    report = verified(write_folder(tmp_path / "gone", [yard]), tenant)
    assert report.first_failure is not None
    assert (report.state, report.first_failure.error.name) == (State.MISSING, "missing-record")


def test_a_chain_that_follows_another_history_than_the_one_shown_is_found(
    tmp_path: Path, tenant: Tenant
) -> None:
    """The agent went on from seq 3; somebody with its key shows another end of that chain instead."""
    camera = Camera(tenant, tenant.agent())
    camera.start()
    for number in range(2):
        camera.record(10 * number)
    before = camera.head
    camera.record(20)
    chain, true = camera.head.chain, list(records(camera))
    camera.start(31)
    camera.record(30)
    later = camera.head
    camera.head, camera.chains[chain] = before, true[:-1]
    camera.segments.pop(2)
    camera.record(20)
    camera.head = later
    report = verified(write_folder(tmp_path, [camera]), tenant)
    assert report.first_failure is not None
    assert (report.state, report.first_failure.error.name) == (State.TAMPERED, "broken-chain")


def test_a_folder_without_records_is_not_verified(tmp_path: Path, tenant: Tenant, gate: Camera) -> None:
    gate.chains.clear()
    gate.segments.clear()
    assert verified(write_folder(tmp_path, [gate]), tenant).state is State.MISSING


def test_records_of_another_camera_in_a_cameras_folder_are_refused(
    tmp_path: Path, tenant: Tenant, gate: Camera
) -> None:
    folder = write_folder(tmp_path, [gate])
    other = Camera(tenant, gate.agent)
    other.start()
    other.record(0)
    folder.chain(gate.id, gate.stream, next(iter(other.chains)), records(other))
    report = verified(folder, tenant)
    assert report.first_failure is not None
    assert (report.state, report.first_failure.error.name) == (State.TAMPERED, "wrong-scope")


# The command line


def command(*arguments: object) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "sealing", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_verify_says_verified_by_exit_code_json_and_text(
    tmp_path: Path, tenant: Tenant, gate: Camera, yard: Camera
) -> None:
    folder, trust = write_folder(tmp_path, [gate, yard]).path, tenant.fingerprint.hex()
    code, out, err = command("verify", folder, "--trust", trust, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["state"] == "verified with declared gaps"
    assert document["first_failure"] is None
    assert document["last_good"] == {"time": iso(at_us(80)), "time_us": at_us(80)}
    assert {item["name"]: item["state"] for item in document["cameras"]} == {
        "Gate": "verified, agent-trusted",
        "Yard": "verified with declared gaps",
    }
    spaced = " ".join(trust[at : at + 4] for at in range(0, 64, 4)).upper()
    code, out, _ = command("verify", folder, "--trust", spaced)
    assert code == 0
    assert "State: verified with declared gaps" in out
    assert f"declared gap {iso(at_us(30))} to {iso(at_us(50))}: agent stopped" in out


def test_events_are_verified_and_counted_and_explain_no_time_without_footage(
    tmp_path: Path, tenant: Tenant, gate: Camera
) -> None:
    gate.event(20, 80, EventType.MOTION, goes_on=True)
    gate.event(80, 90, EventType.MOTION)
    gate.event(30, 31, 200, "onvif:VideoSource_1")
    folder, trust = write_folder(tmp_path, [gate]).path, tenant.fingerprint.hex()
    code, out, _ = command("verify", folder, "--trust", trust, "--json")
    camera = json.loads(out)["cameras"][0]
    assert (code, camera["state"]) == (0, "verified, agent-trusted")
    assert camera["events"] == {"motion": 2, "unknown type 200": 1}
    assert camera["to"] == {"time": iso(at_us(60)), "time_us": at_us(60)}
    assert "records of events: 2 motion, 1 unknown type 200" in command("verify", folder)[1]


def test_verify_tells_the_failure_and_never_trusts_without_a_fingerprint(
    tmp_path: Path, tenant: Tenant, gate: Camera
) -> None:
    writer = write_folder(tmp_path, [gate])
    code, out, _ = command("verify", writer.path, "--json")
    assert (code, json.loads(out)["state"]) == (1, "consistent, root not trusted")
    flip(object_of(writer, gate, 2), 500)
    code, out, _ = command("verify", writer.path, "--trust", tenant.fingerprint.hex(), "--json")
    document = json.loads(out)
    assert (code, document["state"]) == (1, "tampered")
    assert document["first_failure"]["time"] == iso(at_us(20))
    assert document["first_failure"]["error"] == "wrong-root"
    assert (
        document["first_failure"]["object"]
        == object_of(writer, gate, 2).relative_to(tmp_path / "objects").as_posix()
    )
    assert document["last_good"]["time_us"] == at_us(20)
    code, out, _ = command("verify", writer.path)
    assert code == 1
    assert "State: tampered" in out
    assert f"good until {iso(at_us(20))}" in out


def test_verify_remembers_the_statements_it_has_seen(tmp_path: Path, tenant: Tenant, gate: Camera) -> None:
    writer, seen = write_folder(tmp_path / "folder", [gate]), tmp_path / "seen.json"
    trust = tenant.fingerprint.hex()
    assert command("verify", writer.path, "--trust", trust, "--seen", seen)[0] == 0
    assert command("verify", writer.path, "--trust", trust, "--seen", seen)[0] == 0
    tenant.agent()
    writer.statements(tenant.statements)
    assert command("verify", writer.path, "--trust", trust, "--seen", seen)[0] == 0
    writer.statements(tenant.statements[:-1])
    code, out, _ = command("verify", writer.path, "--trust", trust, "--seen", seen, "--json")
    assert (code, json.loads(out)["first_failure"]["error"]) == (1, "rolled-back")


def test_wrong_use_is_one_sentence_and_exit_code_2(tmp_path: Path, tenant: Tenant, gate: Camera) -> None:
    folder = write_folder(tmp_path / "folder", [gate]).path
    for arguments in (
        ("verify", tmp_path / "nothing"),
        ("verify", folder, "--trust", "abcd"),
        ("open", folder, "--key", tmp_path / "nothing", "-o", tmp_path / "out.mp4"),
        ("inspect", tmp_path / "nothing"),
    ):
        code, out, err = command(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("sealing: ")
        assert "Traceback" not in err
    (folder / "statements.cbor").write_bytes(b"\xff")
    assert command("verify", folder)[0] == 2


def test_inspect_shows_what_a_file_holds(tmp_path: Path, gate: Camera) -> None:
    folder = write_folder(tmp_path, [gate])

    def inspected(path: Path) -> Any:
        code, out, _ = command("inspect", path, "--json")
        assert code == 0
        return json.loads(out)

    shown = inspected(next(folder.path.glob("records/*/*")))
    assert [item["content"]["kind"] for item in shown["items"]] == ["genesis", *["segment"] * 6, "beat"]
    assert shown["items"][1]["content"]["segment"] == str(gate.segments[0].segment)
    assert inspected(folder.path / "statements.cbor")["items"][0]["content"]["kind"] == "root"
    record = tmp_path / "record"
    record.write_bytes(records(gate)[0])
    assert inspected(record)["is"] == "record"
    assert inspected(object_of(folder, gate, 0))["bytes"] == len(gate.objects[gate.segments[0].segment])


@pytest.fixture
def pictures(tenant: Tenant) -> Camera:
    """Real video with AAC, two segments of 4 s, and after a gap one of 2 s with G.711."""
    camera = Camera(tenant, tenant.agent(), name="Door")
    camera.start()
    camera.record(0, [video(0, 4), aac(0, 4)], seconds=4)
    camera.record(4, [video(4, 4), aac(4, None)], seconds=4)
    camera.gap(8, 20)
    camera.record(20, [video(0, 2), alaw(0, 2)], seconds=2)
    return camera


def brightness(path: Path) -> list[int]:
    """Mean brightness of every picture in a file."""
    with av.open(str(path)) as container:
        return [round(float(frame.to_ndarray(format="gray").mean())) for frame in container.decode(video=0)]


def test_open_writes_playable_files_that_hold_every_picture_and_sound(
    tmp_path: Path, tenant: Tenant, pictures: Camera
) -> None:
    folder = write_folder(tmp_path / "folder", [pictures]).path
    keys, out = write_key_file(tmp_path / "keys.json", [pictures]), tmp_path / "out.mp4"
    code, text, err = command(
        "open", folder, "--key", keys, "-o", out, "--trust", tenant.fingerprint.hex(), "--json"
    )
    document = json.loads(text)
    assert (code, err, document["state"]) == (0, "", "verified with declared gaps")
    assert [(item["from_us"], item["to_us"], item["tracks"]) for item in document["files"]] == [
        (at_us(0), at_us(8), ["main", "audio"]),
        (at_us(20), at_us(22), ["main", "audio"]),
    ]
    first = brightness(out)
    assert len(first) == 40
    assert all(abs(picture - (40 + number)) <= 2 for number, picture in enumerate(first))
    assert len(brightness(tmp_path / "out-2.mp4")) == 10
    for path, codec, seconds in ((out, "aac", 8), (tmp_path / "out-2.mp4", "flac", 2)):
        with av.open(str(path)) as container:
            audio = container.streams.audio[0]
            assert audio.codec_context.name == codec
            samples = sum(frame.samples for frame in container.decode(audio))
            assert abs(samples / audio.codec_context.sample_rate - seconds) < 0.1
            assert container.streams.video[0].start_time == 0


def test_open_without_audio_keys_or_wish_opens_the_video_alone(
    tmp_path: Path, tenant: Tenant, pictures: Camera
) -> None:
    folder = write_folder(tmp_path / "folder", [pictures]).path
    trust = tenant.fingerprint.hex()
    mute = write_key_file(tmp_path / "mute.json", [pictures], Rendition.AUDIO)
    full = write_key_file(tmp_path / "full.json", [pictures])
    for arguments in (
        ("--key", mute, "-o", tmp_path / "a.mp4"),
        ("--key", full, "-o", tmp_path / "b.mp4", "--no-audio"),
    ):
        code, out, _ = command("open", folder, *arguments, "--trust", trust, "--json")
        assert code == 0
        assert [item["tracks"] for item in json.loads(out)["files"]] == [["main"], ["main"]]


def test_open_stops_at_an_altered_byte_and_goes_on_after_it(
    tmp_path: Path, tenant: Tenant, pictures: Camera
) -> None:
    folder = write_folder(tmp_path / "folder", [pictures])
    keys, out = write_key_file(tmp_path / "keys.json", [pictures]), tmp_path / "out.mp4"
    flip(object_of(folder, pictures, 1), 300)
    code, text, _ = command(
        "open", folder.path, "--key", keys, "-o", out, "--trust", tenant.fingerprint.hex(), "--json"
    )
    document = json.loads(text)
    assert (code, document["state"]) == (1, "tampered")
    assert document["first_failure"]["error"] == "leaf-tampered"
    assert document["first_failure"]["time_us"] == at_us(4)
    assert document["last_good"]["time_us"] == at_us(4)
    assert [(item["from_us"], item["to_us"]) for item in document["files"]] == [
        (at_us(0), at_us(4)),
        (at_us(20), at_us(22)),
    ]
    assert len(brightness(out)) == 20


def test_open_with_missing_or_wrong_keys_writes_nothing(
    tmp_path: Path, tenant: Tenant, pictures: Camera
) -> None:
    folder = write_folder(tmp_path / "folder", [pictures]).path
    trust, out = tenant.fingerprint.hex(), tmp_path / "out.mp4"
    none = write_key_file(tmp_path / "none.json", [pictures], *Rendition)
    code, text, _ = command("open", folder, "--key", none, "-o", out, "--trust", trust, "--json")
    assert (code, json.loads(text)["first_failure"]["error"]) == (1, "missing-key")
    document = json.loads(write_key_file(tmp_path / "wrong.json", [pictures]).read_text())
    for item in document["keys"]:
        item["key"] = "A" * 43
    (tmp_path / "wrong.json").write_text(json.dumps(document))
    code, text, _ = command(
        "open", folder, "--key", tmp_path / "wrong.json", "-o", out, "--trust", trust, "--json"
    )
    assert (code, json.loads(text)["first_failure"]["error"]) == (1, "wrong-key")
    assert not out.exists()


def test_open_without_pyav_writes_video_alone_and_names_the_package_for_more(
    tmp_path: Path,
    tenant: Tenant,
    pictures: Camera,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_folder(tmp_path / "folder", [pictures]).path
    keys, out = write_key_file(tmp_path / "keys.json", [pictures]), tmp_path / "out.mp4"
    arguments = ["open", str(folder), "--key", str(keys), "--trust", tenant.fingerprint.hex(), "-o", str(out)]
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(arguments) == 2
    assert "pip install av" in capsys.readouterr().err
    assert list(tmp_path.glob("*.mp4")) == []
    assert main([*arguments, "--no-audio"]) == 0
    monkeypatch.undo()
    assert len(brightness(out)) == 40


def test_open_asks_which_stream_where_there_are_several(
    tmp_path: Path, tenant: Tenant, gate: Camera, pictures: Camera
) -> None:
    folder = write_folder(tmp_path / "folder", [gate, pictures]).path
    keys, trust = write_key_file(tmp_path / "keys.json", [pictures]), tenant.fingerprint.hex()
    arguments = ("open", folder, "--key", keys, "--trust", trust, "-o", tmp_path / "out.mp4")
    code, _, err = command(*arguments)
    assert code == 2
    assert f"--camera {gate.id} --stream main" in err
    assert command(*arguments, "--camera", pictures.id)[0] == 0


def test_open_never_overwrites_a_file(tmp_path: Path, tenant: Tenant, pictures: Camera) -> None:
    folder = write_folder(tmp_path / "folder", [pictures]).path
    keys, out = write_key_file(tmp_path / "keys.json", [pictures]), tmp_path / "out.mp4"
    out.write_text("mine")
    code, _, err = command("open", folder, "--key", keys, "-o", out, "--trust", tenant.fingerprint.hex())
    assert code == 2
    assert "exists already" in err
    assert out.read_text() == "mine"


def test_a_key_file_is_for_its_owner_alone(tmp_path: Path, pictures: Camera) -> None:
    path = write_key_file(tmp_path / "keys.json", [pictures])
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_key_file(path, [pictures])
