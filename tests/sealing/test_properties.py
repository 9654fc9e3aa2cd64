"""What must hold for all inputs: nothing altered opens, nothing malformed does more than be refused."""

from __future__ import annotations

import itertools
import json
import secrets
import string
import tracemalloc
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealing import merkle
from sealing.canonical import CBOR, decode_canonical, encode_canonical
from sealing.chain import Accepted, ChainHead, Known, Refused, Tip, accept
from sealing.cose import Ed25519Signer, Purpose, parse1, sign1, verify1
from sealing.crc import combine, crc32c
from sealing.errors import BadField, LeafTampered, SealingError
from sealing.folder import Folder, read_keys, read_list
from sealing.ids import EnvelopePurpose, Rendition, Stream, box_kid, read_fingerprint, show_fingerprint, uuid7
from sealing.index import encode_index, open_index, parse_index
from sealing.inspecting import inspect
from sealing.keys import EnvelopeInfo, PeriodKey, RecScope, open_envelope, parse_envelope, seal_envelope
from sealing.live import LivePlayer, LivePublisher, Publish, parse_message, verify_proof
from sealing.names import object_name, parse_object_name
from sealing.part import PartSealer, plaintext_length, seal_part, sealed_length
from sealing.reader import PartReader
from sealing.record import (
    Beat,
    Clock,
    Follows,
    Gap,
    Genesis,
    Record,
    Stamp,
    encode_payload,
    parse_payload,
    parse_record,
    verify_record,
)
from sealing.statement import parse_statement, verify_statements
from sealing.tombstone import parse_tombstone
from tests.sealing.footage import Camera, Tenant

settings.register_profile(
    "sealing", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("sealing")

KEY, CONTEXT = secrets.token_bytes(32), b"context"
PLAINTEXT = secrets.token_bytes(4 * 16384 + 1000)
SEALED, DIGEST = seal_part(KEY, CONTEXT, PLAINTEXT)
CHUNK = 16400
LONG_PLAINTEXT = secrets.token_bytes(3 * 262144 + 77)
LONG, LONG_DIGEST = seal_part(KEY, CONTEXT, LONG_PLAINTEXT)


def opened(sealed: bytes) -> tuple[bytes, bool]:
    """The plaintext that came out before the refusal, and whether there was one."""
    out = b""
    try:
        for chunk in PartReader(KEY, CONTEXT, sealed, len(sealed)).chunks():
            out += chunk
    except SealingError:
        return out, True
    return out, False


def chunk_of(offset: int) -> int:
    """Number of the chunk whose sealed bytes hold `offset`; 0 for the header, without which no chunk opens."""
    return max(0, offset - 56) // CHUNK


@given(st.integers(0, len(SEALED) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_refused_before_its_chunk_comes_out(offset: int, bit: int) -> None:
    altered = bytearray(SEALED)
    altered[offset] ^= 1 << bit
    out, refused = opened(bytes(altered))
    assert refused
    assert out == PLAINTEXT[: 16384 * chunk_of(offset)]


@given(st.integers(0, len(SEALED) - 1))
def test_a_truncated_part_is_refused_and_only_whole_chunks_come_out(length: int) -> None:
    out, refused = opened(SEALED[:length])
    assert refused
    assert PLAINTEXT.startswith(out)
    assert len(out) % 16384 == 0
    assert len(out) <= max(0, length - 56)


@given(st.integers(0, 4), st.integers(0, 4))
def test_swapped_or_repeated_chunks_are_refused(first: int, second: int) -> None:
    pieces = [SEALED[56 + n * CHUNK : 56 + (n + 1) * CHUNK] for n in range(5)]
    repeated = list(pieces)
    repeated[second] = pieces[first]
    swapped = list(pieces)
    swapped[first], swapped[second] = pieces[second], pieces[first]
    inserted = [*pieces[:second], pieces[first], *pieces[second:]]
    for changed in (repeated, swapped, inserted):
        out, refused = opened(SEALED[:56] + b"".join(changed))
        assert refused == (changed != pieces)
        assert PLAINTEXT.startswith(out)


@given(st.binary(min_size=1, max_size=40))
def test_bytes_after_the_end_are_refused(tail: bytes) -> None:
    out, refused = opened(SEALED + tail)
    assert refused
    assert out in (b"", PLAINTEXT[: 4 * 16384])


@given(st.integers(0, len(LONG) - 1), st.integers(0, 7), st.data())
def test_an_altered_leaf_gives_nothing_and_the_others_everything(
    offset: int, bit: int, data: st.DataObject
) -> None:
    altered = bytearray(LONG)
    altered[offset] ^= 1 << bit
    source = bytes(altered)

    def read(begin: int, length: int) -> bytes:
        return source[begin : begin + length]

    reader = PartReader(
        KEY,
        CONTEXT,
        read,
        len(LONG),
        leaf_hashes=LONG_DIGEST.leaf_hashes,
        root=LONG_DIGEST.root,
        header=LONG_DIGEST.header,
    )
    bad = max(0, offset - 56) // merkle.LEAF_BYTES
    at = data.draw(st.integers(0, len(LONG_PLAINTEXT) - 1))
    length = data.draw(st.integers(1, min(20_000, len(LONG_PLAINTEXT) - at)))
    touched = range(at // 262144, (at + length - 1) // 262144 + 1)
    if bad in touched:
        with pytest.raises(LeafTampered):
            reader.read(at, length)
    else:
        assert reader.read(at, length) == LONG_PLAINTEXT[at : at + length]


@given(st.lists(st.integers(0, 200_000), max_size=8))
def test_a_part_sealed_in_pieces_is_one_message_that_the_library_opens(sizes: list[int]) -> None:
    pieces: list[bytes] = []
    sealer = PartSealer(KEY, CONTEXT, pieces.append)
    plaintext = b""
    for number, size in enumerate(sizes):
        data = bytes([number]) * size
        sealer.update(memoryview(data))
        plaintext += data
    digest, sealed = sealer.finish(), b"".join(pieces)
    decryptor = Cobblestone256Decryptor(KEY, CONTEXT)
    assert decryptor.update(sealed) + decryptor.finalize() == plaintext
    assert len(sealed) == digest.sealed_length == sealed_length(len(plaintext))
    assert plaintext_length(len(sealed)) == digest.plaintext_length == len(plaintext)
    assert digest.leaf_hashes == merkle.leaf_hashes(sealed)
    assert len(digest.leaf_hashes) == merkle.leaf_count(len(sealed))
    assert (digest.root, digest.header) == (merkle.merkle_root(digest.leaf_hashes), sealed[:56])
    assert digest.crc32c == crc32c(sealed)
    assert b"".join(PartReader(KEY, CONTEXT, sealed, len(sealed)).chunks()) == plaintext


def test_sealing_keeps_memory_flat() -> None:
    data = bytes(1 << 20)
    sealer = PartSealer(KEY, CONTEXT, len)
    tracemalloc.start()
    for _ in range(48):
        sealer.update(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sealer.finish().plaintext_length == 48 << 20
    assert peak < 600_000


@given(st.integers(0, 1 << 40))
def test_lengths_agree(length: int) -> None:
    assert plaintext_length(sealed_length(length)) == length


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_sums_of_two_parts_combine(first: bytes, second: bytes) -> None:
    assert combine(crc32c(first), crc32c(second), len(second)) == crc32c(first + second)


@given(st.integers(1, 5 * merkle.LEAF_BYTES))
def test_leaf_ranges_tile_a_part(length: int) -> None:
    sealed = length + 71
    ranges = [merkle.leaf_range(leaf, sealed) for leaf in range(merkle.leaf_count(sealed))]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == sealed
    assert all(before[1] == after[0] and after[0] < after[1] for before, after in itertools.pairwise(ranges))


# Canonical CBOR

cbor: st.SearchStrategy[CBOR] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.binary(max_size=40)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.integers(-(1 << 64), (1 << 64) - 1), inner, max_size=5)
    ),
    max_leaves=12,
)  # type: ignore[assignment]  # the recursive type is beyond the checker


@given(cbor)
def test_canonical_values_survive_and_another_decoder_agrees(value: CBOR) -> None:
    data = encode_canonical(value)
    assert decode_canonical(data) == value
    assert cbor2.loads(data) == value


def edited(valid: bytes) -> st.SearchStrategy[bytes]:
    """`valid` with a few bytes changed, removed, repeated or put in."""

    def apply(edits: list[tuple[int, int, bytes]]) -> bytes:
        data = valid
        for at, length, new in edits:
            begin = at % (len(data) + 1)
            data = data[:begin] + new + data[begin + length :]
        return data

    edit = st.tuples(st.integers(0, 1 << 20), st.integers(0, 3), st.binary(max_size=3))
    return st.lists(edit, min_size=1, max_size=4).map(apply)


@given(st.binary(max_size=60) | edited(encode_canonical({1: [1, b"xy", {2: None}], -1: "text", 300: True})))
def test_whatever_decodes_is_canonical(data: bytes) -> None:
    try:
        value = decode_canonical(data)
    except SealingError:
        return
    assert encode_canonical(value) == data


@pytest.mark.parametrize(
    "value", [1.5, {"a": 1}, {True: 1}, 1 << 64, -(1 << 64) - 1, "\ud800", object(), {1: {2: {3: 0.5}}}]
)
def test_what_the_format_lacks_is_not_encoded(value: Any) -> None:
    with pytest.raises(BadField):
        encode_canonical(value)


# Parsers


class World:
    """Valid examples of everything that is parsed."""

    def __init__(self) -> None:
        tenant = Tenant()
        camera = Camera(tenant, tenant.agent())
        camera.start()
        self.segment = camera.record(0)
        self.camera, self.tenant = camera, tenant
        self.public_key = camera.agent.signer.public_key
        self.records = next(iter(camera.chains.values()))
        self.tombstone = camera.tombstone([self.segment])
        self.box = X25519PrivateKey.generate()
        public = self.box.public_key().public_bytes_raw()
        key = PeriodKey.new()
        scope = RecScope(camera.id, 1, 0)
        self.info = EnvelopeInfo(EnvelopePurpose.REC, tenant.id, scope, key.key_id, box_kid(public), 1)
        self.envelope = seal_envelope(self.info, key.key, public)
        self.publish = Publish(tenant.id, camera.id, Stream.MAIN, secrets.token_bytes(16))
        publisher = LivePublisher(self.publish, camera.agent.signer)
        self.key = key
        self.messages = [
            publisher.init(Rendition.MAIN, key, "avc1.64001f", b"init"),
            publisher.fragment(Rendition.MAIN, 1, True, b"fragment"),
            publisher.proof(2),
            publisher.end("done"),
        ]
        index_key = next(item.key for item in camera.keys if item.rendition is Rendition.INDEX)
        part = self.segment.index
        self.sealed_index = camera.objects[self.segment.segment][part.offset : part.end]
        self.index_key = index_key
        self.index = encode_index(open_index(self.segment, index_key, self.sealed_index).entries)

    def player(self) -> LivePlayer:
        player = LivePlayer(self.publish, self.public_key)
        player.add_key(self.key)
        return player


WORLD = World()
PARSERS: dict[str, tuple[Callable[[bytes], object], list[bytes]]] = {
    "canonical": (decode_canonical, [WORLD.index]),
    "signed object": (parse1, WORLD.records),
    "record": (parse_record, WORLD.records),
    "record payload": (parse_payload, [parse1(item).payload for item in WORLD.records]),
    "statement": (parse_statement, WORLD.tenant.statements),
    "tombstone": (parse_tombstone, [WORLD.tombstone]),
    "envelope": (parse_envelope, [WORLD.envelope]),
    "index": (parse_index, [WORLD.index]),
    "live message": (parse_message, WORLD.messages),
    "live player": (lambda data: WORLD.player().receive(data), WORLD.messages),
    "proof": (lambda data: verify_proof(data, WORLD.publish, WORLD.public_key), [WORLD.messages[2][25:]]),
    "statements": (
        lambda data: verify_statements([data, *WORLD.tenant.statements[1:]], WORLD.tenant.fingerprint),
        WORLD.tenant.statements[:1],
    ),
}


def _or_refusal(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        parse(data)
    except SealingError as error:
        assert error.name != SealingError.name
        assert str(error)


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_parsers_refuse_malformed_input_with_named_errors_only(name: str, data: st.DataObject) -> None:
    parse, examples = PARSERS[name]
    for example in examples[:2]:
        parse(example) if name not in ("proof", "live player") else None
    _or_refusal(parse, data.draw(st.binary(max_size=80)))
    _or_refusal(parse, data.draw(edited(data.draw(st.sampled_from(examples)))))


signed_parsers = st.sampled_from([parse_record, parse_statement, parse_tombstone])


@given(cbor, signed_parsers)
def test_signed_nonsense_is_refused_by_name(value: CBOR, parse: Callable[[bytes], object]) -> None:
    signer = WORLD.camera.agent.signer
    _or_refusal(parse, sign1(encode_canonical(value), Purpose.RECORD, signer))


@given(st.sampled_from(WORLD.records), st.integers(1, 60), cbor)
def test_a_record_with_any_field_replaced_is_parsed_or_refused_by_name(
    record: bytes, key: int, value: CBOR
) -> None:
    payload = decode_canonical(parse1(record).payload)
    assert isinstance(payload, dict)
    payload[key] = value
    try:
        parsed = parse_payload(encode_canonical(payload))
    except SealingError:
        return
    assert encode_payload(parsed) == encode_canonical(payload)


@given(st.sampled_from(WORLD.records), st.data())
def test_no_bit_of_a_signed_object_can_be_flipped(record: bytes, data: st.DataObject) -> None:
    altered = bytearray(record)
    altered[data.draw(st.integers(0, len(record) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealingError):
        verify_record(bytes(altered), WORLD.public_key)


@given(st.data())
def test_no_bit_of_an_envelope_can_be_flipped(data: st.DataObject) -> None:
    altered = bytearray(WORLD.envelope)
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    private = WORLD.box.private_bytes_raw()
    assert open_envelope(WORLD.envelope, WORLD.info, private) == WORLD.key.key
    with pytest.raises(SealingError):
        open_envelope(bytes(altered), WORLD.info, private)


@given(st.data())
def test_no_bit_of_an_index_part_can_be_flipped(data: st.DataObject) -> None:
    altered = bytearray(WORLD.sealed_index)
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealingError):
        open_index(WORLD.segment, WORLD.index_key, bytes(altered))


@given(st.sampled_from(range(3)), st.data())
def test_an_altered_live_message_is_refused_by_the_time_of_its_proof(
    number: int, data: st.DataObject
) -> None:
    messages = [bytearray(item) for item in WORLD.messages[:3]]
    altered = messages[number]
    altered[data.draw(st.integers(0, len(altered) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    player, refused = WORLD.player(), False
    for message in messages:
        try:
            player.receive(bytes(message))
        except SealingError:
            refused = True
    assert refused
    assert player.proven_through is None


@given(
    st.text(max_size=120)
    | st.from_regex(r"t/[0-9a-f]{32}/c/[0-9a-f]{32}/(main|sub)/\d{10}/[0-9a-f]{32}", fullmatch=True)
)
def test_object_names_are_refused_or_come_back(name: str) -> None:
    try:
        place = parse_object_name(name)
    except BadField:
        return
    again = object_name(place.tenant, place.camera, place.stream, place.segment, place.about_us)
    assert again == name


@given(st.text(alphabet=string.hexdigits + " :-g", max_size=90))
def test_fingerprints_are_refused_or_come_back(text: str) -> None:
    try:
        value = read_fingerprint(text)
    except BadField:
        return
    assert read_fingerprint(show_fingerprint(value)) == value


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_files_that_are_not_a_folders_are_refused(tmp_path: Path, data: st.DataObject) -> None:
    file = tmp_path / "manifest.json"
    keys = st.sampled_from(["tenant", "from_us", "to_us", "partial", "cameras", "keys"])
    document = data.draw(st.dictionaries(keys, json_values)) | {
        "format": data.draw(st.sampled_from(["vsaas-footage-v1", "vsaas-keys-v1"]))
    }
    raw = data.draw(st.binary(max_size=40) | st.just(json.dumps(document).encode()))
    file.write_bytes(raw)
    for read in (
        lambda: Folder(tmp_path),
        lambda: read_keys(file),
        lambda: read_list(file),
        lambda: inspect(file),
    ):
        try:
            read()
        except SealingError as error:
            assert "Traceback" not in str(error)


# Records and chains

times = st.integers(0, 253_402_300_799_999_999)
number = st.integers(0, (1 << 63) - 1)
ids16 = st.binary(min_size=16, max_size=16)
hashes = st.binary(min_size=32, max_size=32)
stamps = st.builds(Stamp, times, ids16, number, st.integers(0, 255), number)
heads = {
    "tenant": st.uuids(),
    "camera": st.uuids(),
    "stream": st.sampled_from(Stream),
    "chain": ids16,
    "seq": number,
    "prev": hashes,
    "stamp": stamps,
    "extensions": st.dictionaries(st.integers(-(1 << 64), -1), cbor, max_size=2),
}
details = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
a_record: st.SearchStrategy[Record] = st.one_of(
    st.builds(Beat, **heads),
    st.builds(Clock, **heads, step_us=st.integers(-(1 << 63) + 1, (1 << 63) - 1), detail=details),
    st.builds(Gap, **heads, start_us=times, end_us=times, reason=st.integers(0, 255), detail=details),
    st.builds(
        Genesis,
        **heads,
        agent=st.uuids(),
        record_public=hashes,
        follows=st.none() | st.builds(Follows, ids16, number, hashes),
        reason=st.integers(0, 255),
        software=st.text(st.characters(exclude_categories=["Cs"]), max_size=25),
    ),
)


@given(a_record)
def test_records_come_back_as_they_were(record: Record) -> None:
    assert parse_payload(encode_payload(record)) == record


@given(st.lists(st.integers(0, 5), max_size=14))
def test_a_chain_is_accepted_in_order_only_whatever_the_order_of_arrival(arrivals: list[int]) -> None:
    """Records of one chain arrive in any order and number: the tip only grows by one, and nothing is ever lost or a fork."""
    signer, stamp = Ed25519Signer(bytes(32)), Stamp(0, bytes(16), 0, 0, 0)
    head = ChainHead(uuid.UUID(int=1), uuid.UUID(int=2), Stream.MAIN, bytes(16))
    chain = [head.genesis(signer, stamp, agent=uuid.UUID(int=3), reason=1, software="")]
    for _ in range(5):
        head = head.after(chain[-1])
        chain.append(head.beat(signer, stamp))
    tip: Tip | None = None
    for seq in arrivals:
        outcome = accept(tip, chain[seq], chain[seq].hash)
        expected = 0 if tip is None else tip.seq + 1
        if seq == expected:
            assert outcome == Accepted(Tip(bytes(16), seq, chain[seq].hash))
            assert isinstance(outcome, Accepted)
            tip = outcome.tip
        elif seq < expected:
            assert outcome == Known(seq)
        else:
            assert isinstance(outcome, Refused)
            assert outcome.error.name == ("no-genesis" if tip is None else "out-of-order")


@given(st.sampled_from(Purpose), st.sampled_from(Purpose), st.binary(max_size=100))
def test_a_signature_holds_for_its_own_purpose_alone(made: Purpose, wanted: Purpose, payload: bytes) -> None:
    signer = WORLD.camera.agent.signer
    data = sign1(payload, made, signer)
    if made is wanted:
        assert verify1(data, wanted, signer.public_key).payload == payload
    else:
        with pytest.raises(SealingError) as refusal:
            verify1(data, wanted, signer.public_key)
        assert refusal.value.name == "wrong-purpose"


@given(st.integers(0, (1 << 48) - 1))
def test_segment_ids_carry_their_time_and_sort_by_it(unix_ms: int) -> None:
    made = uuid7(unix_ms)
    assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, unix_ms)


def test_a_key_never_shows_in_what_is_printed() -> None:
    key = PeriodKey.new()
    assert key.key.hex() not in repr(key)
    assert repr(key.key) not in repr(key)
    assert repr(replace(key, key=bytes(32))) == f"PeriodKey(key_id={key.key_id!r})"
