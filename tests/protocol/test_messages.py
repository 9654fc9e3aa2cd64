"""Messages survive the way over the wire, and nothing malformed gets past their readers."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import b64, batch, command, control, enrolment, health, limits
from protocol.errors import ProtocolError
from sealing.canonical import decode_canonical, encode_canonical
from sealing.errors import SealingError

A, B = uuid.UUID(int=1), uuid.UUID(int=2)


def test_an_enrolment_code_survives_being_typed_badly_spaced_and_in_lower_case() -> None:
    code = enrolment.EnrolmentCode(secret=bytes(range(10)), fingerprint=bytes(range(32)))
    typed = code.text().lower().replace("-", " ")
    assert enrolment.parse_code(typed) == code


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=32, max_size=32))
def test_every_code_round_trips(secret: bytes, fingerprint: bytes) -> None:
    code = enrolment.EnrolmentCode(secret, fingerprint)
    assert enrolment.parse_code(code.text()) == code


@given(st.text(max_size=120))
def test_no_text_makes_the_code_reader_fail_otherwise_than_by_saying_so(text: str) -> None:
    try:
        enrolment.parse_code(text)
    except ProtocolError as error:
        assert error.name == "bad-code"


def test_a_code_that_is_cut_short_says_how_long_it_should_be() -> None:
    text = enrolment.EnrolmentCode(bytes(10), bytes(32)).text()
    with pytest.raises(ProtocolError, match="67 letters and digits, expected 68"):
        enrolment.parse_code(text[:-1])


def test_enrolment_refuses_one_key_used_twice() -> None:
    request = enrolment.EnrolRequest(bytes(10), "front door", b"a" * 32, b"b" * 32, b"a" * 32, "agent 1")
    with pytest.raises(ProtocolError, match="must differ"):
        enrolment.EnrolRequest.from_json(request.to_json())


def test_enrolment_messages_round_trip() -> None:
    request = enrolment.EnrolRequest(bytes(10), "front door", b"a" * 32, b"b" * 32, b"c" * 32, "agent 1")
    assert enrolment.EnrolRequest.from_json(request.to_json()) == request
    reply = enrolment.EnrolReply(A, "acme", B, (b"one", b"two"), b"command", "wss://live.example")
    assert enrolment.EnrolReply.from_json(reply.to_json()) == reply


def test_a_batch_and_its_reply_round_trip() -> None:
    sent = batch.RecordsBatch(
        items=(batch.BatchItem(b"record", b"index"), batch.BatchItem(b"gap")),
        envelopes=(b"envelope",),
        uploaded=(batch.Uploaded(A, B, 1),),
        oldest_unsent_us=17,
        unsent=(batch.Unsent(B, 1, 17), batch.Unsent(B, 2, 18)),
    )
    assert batch.RecordsBatch.decode(sent.encode()) == sent
    first_release = batch.RecordsBatch(sent.items, sent.envelopes, sent.uploaded, 17)
    assert batch.RecordsBatch.decode(first_release.encode()).unsent is None
    reply = batch.BatchReply(
        results=(
            batch.ItemResult(batch.RecordStatus.ACCEPTED, flags=batch.RecordFlag.OVERLAP),
            batch.ItemResult(batch.RecordStatus.REFUSED, "fork"),
        ),
        grants={A: batch.PutGrant("https://store.example/x", {"If-None-Match": "*"})},
        stored=(B,),
        tips={b"c" * 16: (5, b"h" * 32)},
        statement_number=3,
        command_number=9,
    )
    assert batch.BatchReply.decode(reply.encode()) == reply


def test_a_batch_of_too_many_records_is_refused_by_its_count() -> None:
    sent = batch.RecordsBatch(tuple(batch.BatchItem(b"r") for _ in range(501)))
    with pytest.raises(ProtocolError, match="501 entries, at most 500"):
        batch.RecordsBatch.decode(sent.encode())


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_by_every_reader(data: bytes) -> None:
    readers = (batch.RecordsBatch.decode, batch.BatchReply.decode, command.CommandDocument.from_payload)
    for reader in readers:
        with pytest.raises((ProtocolError, SealingError)):
            reader(data)


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**63) | st.binary(max_size=40) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.integers(0, 12), inner, max_size=6),
    max_leaves=20,
)


@given(_values)
def test_well_formed_cbor_of_the_wrong_shape_never_escapes_as_another_error(value: object) -> None:
    data = encode_canonical(value)  # type: ignore[arg-type]
    readers = (
        batch.RecordsBatch.decode,
        command.CommandDocument.from_payload,
        control.decode_from_hub,
        control.decode_from_agent,
    )
    for reader in readers:
        try:
            reader(data)
        except (ProtocolError, SealingError) as error:
            assert str(error)


def test_a_command_document_round_trips_and_refuses_a_version_it_does_not_speak() -> None:
    document = command.CommandDocument(
        tenant=A,
        agent=B,
        number=4,
        issued_us=1_700_000_000_000_000,
        cameras=(command.CameraOrder(A, "gate 2", True, b"sealed", None, True),),
        settings=command.AgentSettings(),
        statement_number=3,
    )
    assert command.CommandDocument.from_payload(document.payload()) == document
    later = decode_canonical(document.payload())
    assert isinstance(later, dict)
    later[1] = 2
    with pytest.raises(ProtocolError, match="unknown-version"):
        command.CommandDocument.from_payload(encode_canonical(later))


@pytest.mark.parametrize(
    "message",
    [
        control.CommandPush(b"signed"),
        control.PublishStart(A, B, 1, 99),
        control.PublishStop(A),
        control.Rekey(A),
        control.Ping(7),
        control.PostNow(),
    ],
)
def test_hub_messages_round_trip(message: control.HubMessage) -> None:
    assert control.decode_from_hub(control.encode(message)) == message


@pytest.mark.parametrize(
    "message",
    [
        control.Pong(7),
        control.LiveKeys(A, (control.LiveKey(1, b"k" * 16, b"c" * 32, b"envelope"),)),
        control.PublishRefused(A, "disabled"),
        control.PublishEnded(A, "camera-offline"),
    ],
)
def test_agent_messages_round_trip(message: control.AgentMessage) -> None:
    assert control.decode_from_agent(control.encode(message)) == message


def test_a_message_of_a_later_version_is_ignored_and_a_misshapen_one_refused() -> None:
    assert control.decode_from_hub(encode_canonical([77, b"new"])) is None
    with pytest.raises(ProtocolError, match="control message 3 has 0 fields"):
        control.decode_from_hub(encode_canonical([3]))


def test_a_heartbeat_round_trips_and_refuses_an_unknown_state() -> None:
    stream = health.StreamHealth(A, 1, "recording", 5, "", 4_000_000, 25.0, "avc1.640028")
    beat = health.Heartbeat(B, "agent 1", 9, 1, True, 10, 100, 1000, 12.5, None, (stream,))
    assert health.Heartbeat.from_json(beat.to_json()) == beat
    box = health.BoxHealth(12.5, 1, 2, 3, None, 51.2, "eth0", True, 1000)
    told = replace(
        stream,
        width=1920,
        height=1080,
        packets_lost=3,
        restarts=1,
        clock_offset_us=-5,
        clock_drift_ppm=-12.5,
        last_frame_us=7,
        oldest_unsent_us=8,
    )
    beat = replace(beat, box=box, streams=(told,))
    assert health.Heartbeat.from_json(json.loads(json.dumps(beat.to_json()))) == beat
    odd = beat.to_json()
    odd["streams"][0]["state"] = "fine"
    with pytest.raises(ProtocolError, match="'fine' is not one of"):
        health.Heartbeat.from_json(odd)
    odd = beat.to_json() | {"box": {"cpu_percent": "a lot"}}
    with pytest.raises(ProtocolError, match="cpu_percent"):
        health.Heartbeat.from_json(odd)


def test_heartbeats_take_little_of_a_line() -> None:
    """At most 3 kbit/s per camera, every text as long as it may be: a tenth of what an idle camera may cost."""
    stream = health.StreamHealth(A, 1, "unusable", 2**60, "x" * 200, 2**40, 1e6, "y" * 200, "f" * 64)
    beat = health.Heartbeat(B, "agent 1", 9, 1, True, 10, 100, 1000, 12.5, None, (stream,) * 32)
    bits_per_camera = len(json.dumps(beat.to_json())) * 8 / 16
    assert bits_per_camera / limits.HEARTBEAT_SECONDS <= 3000


def test_a_heartbeat_of_the_first_release_is_read() -> None:
    stream = health.StreamHealth(A, 1, "recording", 5)
    beat = health.Heartbeat(B, "agent 1", 9, 1, True, 10, 100, 1000, 12.5, None, (stream,))
    old = beat.to_json()
    for name in ("alarms", "box"):
        del old[name]
    new = (
        "width",
        "height",
        "packets_lost",
        "restarts",
        "last_frame_us",
        "clock_offset_us",
        "clock_drift_ppm",
        "oldest_unsent_us",
    )
    for name in new:
        del old["streams"][0][name]
    assert health.Heartbeat.from_json(old) == beat


@given(st.binary(max_size=64))
def test_base64url_round_trips_without_padding(data: bytes) -> None:
    text = b64.encode(data)
    assert "=" not in text
    assert b64.decode(text) == data


@pytest.mark.parametrize("text", ["A", "AA==", "A/", "AB", None, 5])
def test_base64url_refuses_padding_stray_bits_and_other_types(text: object) -> None:
    with pytest.raises(ProtocolError, match="bad-field"):
        b64.decode(text)
