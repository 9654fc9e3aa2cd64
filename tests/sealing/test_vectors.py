"""Every vector holds in this implementation, and the files are what their generator writes."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sealing import ids, keys, merkle
from sealing.canonical import CBOR, decode_canonical, encode_canonical
from sealing.chain import Accepted, ChainScope, Refused, Tip, accept, flags, verify_chain
from sealing.cose import Purpose, verify1
from sealing.errors import ERRORS, SealingError
from sealing.ids import CameraKeyKind, EnvelopePurpose, Rendition, Stream
from sealing.index import open_index
from sealing.keys import EnvelopeInfo, PeriodKey, open_envelope, part_context
from sealing.live import LivePlayer, Publish
from sealing.motion import parse_motion
from sealing.names import object_name
from sealing.part import plaintext_length
from sealing.reader import PartReader, derive
from sealing.record import Segment, SignedRecord, encode_payload, parse_record, verify_record
from sealing.segment import read_part
from sealing.show import plain
from sealing.statement import Seen, Trust, verify_statements
from sealing.tombstone import verify_tombstone
from sealing.vectors.encoder import resolve
from sealing.vectors.footage import play, shown_trust
from sealing.vectors.generate import FILES, HERE, text_of
from sealing.vectors.generate import exact as _exact

Vector = dict[str, Any]


def _vectors() -> list[Any]:
    cases = []
    for path in sorted(Path(HERE).glob("*.json")):
        document = json.loads(path.read_text())
        assert document["format"] == "vsaas-vectors-v1"
        cases += [pytest.param(vector, id=f"{path.stem}: {vector['name']}") for vector in document["vectors"]]
    return cases


@pytest.mark.parametrize("vector", _vectors())
def test_vector_gives_what_it_names(vector: Vector) -> None:
    run = OPS[vector["op"]]
    if "error" not in vector:
        assert run(vector) == vector.get("expect")
        return
    with pytest.raises(SealingError) as refusal:
        run(vector)
    assert refusal.value.name == vector["error"]


@pytest.mark.parametrize("name", FILES)
def test_committed_file_is_what_the_generator_writes(name: str) -> None:
    assert (HERE / f"{name}.json").read_text() == text_of(name)


def test_every_vector_file_has_a_generator_and_all_errors_are_named() -> None:
    assert {path.stem for path in Path(HERE).glob("*.json")} == set(FILES)
    named = {param.values[0].get("error") for param in _vectors()} - {None}
    assert named <= set(ERRORS)


def _number(value: int | str) -> int:
    return int(value)


def _value(typed: Any) -> CBOR:
    if typed is None or isinstance(typed, bool):
        return typed
    ((kind, value),) = typed.items()
    if kind == "int":
        return int(value)
    if kind == "bytes":
        return bytes.fromhex(value)
    if kind == "text":
        return str(value)
    if kind == "array":
        return [_value(item) for item in value]
    return {int(key): _value(item) for key, item in value}


def _canonical(vector: Vector) -> Any:
    data = bytes.fromhex(vector["data"])
    value = decode_canonical(data)
    assert encode_canonical(value) == data
    assert value == _value(vector["expect"]["value"])
    return vector["expect"]


def _verify1(vector: Vector) -> Any:
    signed = verify1(
        bytes.fromhex(vector["data"]), Purpose(vector["purpose"]), bytes.fromhex(vector["public_key"])
    )
    return {"kid": signed.kid.hex(), "payload": signed.payload.hex(), "hash": signed.hash.hex()}


def _merkle(vector: Vector) -> Any:
    sealed = resolve(vector["sealed"])
    count = merkle.leaf_count(len(sealed))
    leaves = merkle.leaf_hashes(sealed)
    assert len(leaves) == count
    cut = [merkle.leaf_hash(sealed[slice(*merkle.leaf_range(leaf, len(sealed)))]) for leaf in range(count)]
    assert cut == list(leaves)
    return {"leaves": [leaf.hex() for leaf in leaves], "root": merkle.merkle_root(leaves).hex()}


def _merkle_root(vector: Vector) -> Any:
    return {"root": merkle.merkle_root([bytes.fromhex(leaf) for leaf in vector["leaves"]]).hex()}


def _lengths(vector: Vector) -> Any:
    return {"plaintext_length": plaintext_length(vector["sealed_length"])}


def _derive(vector: Vector) -> Any:
    material = derive(*(bytes.fromhex(vector[name]) for name in ("key", "salt", "context")))
    names = ("cipher_key", "base_nonce", "commitment")
    return {name: value.hex() for name, value in zip(names, material, strict=True)}


def _open_part(vector: Vector) -> Any:
    """Opens chunk by chunk, and asserts that exactly the bytes before the failure came out."""
    sealed = resolve(vector["sealed"])
    out = b""
    try:
        for chunk in PartReader(
            bytes.fromhex(vector["key"]), bytes.fromhex(vector["context"]), sealed, len(sealed)
        ).chunks():
            out += chunk
    except SealingError:
        assert len(out) == vector["clear"]
        raise
    assert out == resolve(vector["expect"]["plaintext"])
    return vector["expect"]


def _read_range(vector: Vector) -> Any:
    sealed = resolve(vector["sealed"])
    reader = PartReader(
        bytes.fromhex(vector["key"]),
        bytes.fromhex(vector["context"]),
        lambda offset, length: sealed[offset : offset + length],
        vector.get("sealed_length", len(sealed)),
        leaf_hashes=[bytes.fromhex(leaf) for leaf in vector["leaves"]],
        root=bytes.fromhex(vector["root"]),
    )
    return {"sha256": hashlib.sha256(reader.read(vector["offset"], vector["length"])).hexdigest()}


def _segment_key(vector: Vector) -> Any:
    period_key = PeriodKey(bytes(16), bytes.fromhex(vector["period_key"]))
    key = period_key.segment_key(uuid.UUID(vector["segment"]), Rendition(vector["rendition"]))
    return {"key": key.hex()}


def _commitment(vector: Vector) -> Any:
    key = PeriodKey(bytes.fromhex(vector["key_id"]), bytes.fromhex(vector["key"]))
    key.check(key.commitment)
    return {"commitment": key.commitment.hex()}


def _of_public_key(vector: Vector) -> Any:
    compute = {"kid": ids.kid, "box-kid": ids.box_kid, "fingerprint": ids.fingerprint}[vector["op"]]
    return {vector["op"]: compute(bytes.fromhex(vector["public_key"])).hex()}


def _place(vector: Vector) -> tuple[uuid.UUID, uuid.UUID, Stream, uuid.UUID]:
    tenant, camera, segment = (uuid.UUID(vector[name]) for name in ("tenant", "camera", "segment"))
    return tenant, camera, Stream(vector["stream"]), segment


def _part_context(vector: Vector) -> Any:
    return {"context": part_context(*_place(vector), Rendition(vector["rendition"])).hex()}


def _object_name(vector: Vector) -> Any:
    return {"name": object_name(*_place(vector), _number(vector["start_us"]))}


def _scope(purpose: EnvelopePurpose, scope: Vector) -> keys.Scope:
    if "vault" in scope:
        return keys.VaultScope(uuid.UUID(scope["vault"]))
    camera = uuid.UUID(scope["camera"])
    if "epoch" in scope:
        return keys.CameraShareScope(camera, CameraKeyKind(scope["kind"]), scope["epoch"])
    if "rendition_class" in scope:
        return keys.RecScope(camera, scope["rendition_class"], _number(scope["period_start_us"]))
    if "publish" in scope:
        publish = bytes.fromhex(scope["publish"])
        return keys.LiveScope(camera, Stream(scope["stream"]), Rendition(scope["rendition"]), publish)
    if "segment" in scope:
        return keys.SegmentScope(camera, uuid.UUID(scope["segment"]), Rendition(scope["rendition"]))
    return keys.CameraScope(camera)


def _open_envelope(vector: Vector) -> Any:
    expected = vector["expected"]
    purpose = EnvelopePurpose(expected["purpose"])
    to = expected["release"]
    release = to and keys.Release(
        bytes.fromhex(to["session"]), uuid.UUID(to["account"]), _number(to["expires_us"])
    )
    info = EnvelopeInfo(
        purpose,
        uuid.UUID(expected["tenant"]),
        _scope(purpose, expected["scope"]),
        bytes.fromhex(expected["key_id"]),
        bytes.fromhex(expected["recipient"]),
        expected["epoch"],
        release,
    )
    return {
        "secret": open_envelope(
            bytes.fromhex(vector["data"]), info, bytes.fromhex(vector["private_key"])
        ).hex()
    }


def _verify_record(vector: Vector) -> Any:
    record = verify_record(bytes.fromhex(vector["data"]), bytes.fromhex(vector["public_key"]))
    assert encode_payload(record.record) == record.signed.payload or not _rebuilds(record)
    return {"record": _exact(plain(record.record)), "hash": record.hash.hex()}


def _rebuilds(record: SignedRecord) -> bool:
    """Whether the record holds nothing that is kept in its bytes alone (extensions inside parts)."""
    return b"later" not in record.encoded


def _accept(vector: Vector) -> Any:
    """A portal that knows nothing yet is given one record after the other."""
    public_key = bytes.fromhex(vector["public_key"])
    tip: Tip | None = None
    scope: ChainScope | None = None
    stored: dict[int, bytes] = {}
    for step in vector["steps"]:
        try:
            record = verify_record(bytes.fromhex(step["record"]), public_key)
            (scope or ChainScope.of(record)).check(record)
        except SealingError as error:
            assert error.name == step["outcome"]
            continue
        outcome = accept(tip, record, stored.get(record.record.seq))
        if isinstance(outcome, Refused):
            assert outcome.error.name == step["outcome"]
            continue
        assert type(outcome).__name__.lower() == step["outcome"]
        if isinstance(outcome, Accepted):
            tip, scope = outcome.tip, scope or ChainScope.of(record)
            stored[tip.seq] = tip.hash
    return None


def _verify_chain(vector: Vector) -> Any:
    records = [bytes.fromhex(record) for record in vector["records"]]
    proven: list[SignedRecord] = []
    try:
        for record in verify_chain(records, bytes.fromhex(vector["public_key"]), partial=vector["partial"]):
            proven.append(record)
    except SealingError:
        assert len(proven) == vector["good"]
        raise
    return {"tip": {"seq": proven[-1].record.seq, "hash": proven[-1].hash.hex()}}


def _flags(vector: Vector) -> Any:
    record = parse_record(bytes.fromhex(vector["record"])).record
    return {"flags": sorted(flags(record, _number(vector["received_us"])))}


def _trust(vector: Vector) -> Trust:
    items = [bytes.fromhex(item) for item in vector["statements"]]
    before = vector.get("seen")
    seen = before and Seen(before["number"], bytes.fromhex(before["hash"]))
    return verify_statements(items, bytes.fromhex(vector["fingerprint"]), seen)


def _verify_statements(vector: Vector) -> Any:
    return shown_trust(_trust(vector))


def _trust_record(vector: Vector) -> Any:
    return {"agent": str(_trust(vector).check_record(parse_record(bytes.fromhex(vector["record"]))).agent)}


def _verify_tombstone(vector: Vector) -> Any:
    return {"tombstone": plain(verify_tombstone(bytes.fromhex(vector["data"]), _trust(vector)))}


def _segment(vector: Vector) -> Segment:
    record = verify_record(bytes.fromhex(vector["record"]), bytes.fromhex(vector["public_key"])).record
    assert isinstance(record, Segment)
    return record


def _open_index(vector: Vector) -> Any:
    index = open_index(_segment(vector), bytes.fromhex(vector["key"]), bytes.fromhex(vector["sealed"]))
    return {"entries": plain(index.entries)}


def _read_segment(vector: Vector) -> Any:
    segment, data = _segment(vector), resolve(vector["object"])
    part_keys = {Rendition(int(rendition)): bytes.fromhex(key) for rendition, key in vector["keys"].items()}
    index = open_index(segment, part_keys[Rendition.INDEX], data[segment.index.offset : segment.index.end])
    rendition = Rendition(vector["rendition"])
    key = part_keys.get(rendition, bytes(32))
    reader = read_part(segment, index, rendition, key, lambda offset, length: data[offset : offset + length])
    return {"sha256": hashlib.sha256(reader.read(vector["offset"], vector["length"])).hexdigest()}


def _motion(vector: Vector) -> Any:
    return {"map": plain(parse_motion(bytes.fromhex(vector["plaintext"])))}


def _publish(vector: Vector) -> Publish:
    said = vector["publish"]
    stream = Stream(said["stream"])
    return Publish(
        uuid.UUID(said["tenant"]), uuid.UUID(said["camera"]), stream, bytes.fromhex(said["publish_id"])
    )


def _live(vector: Vector) -> Any:
    player = LivePlayer(_publish(vector), bytes.fromhex(vector["public_key"]))
    for key in vector["keys"]:
        player.add_key(PeriodKey(bytes.fromhex(key["key_id"]), bytes.fromhex(key["key"])))
    for step in vector["steps"]:
        message = bytes.fromhex(step["message"])
        assert {"message": step["message"]} | play(player, message) == step
    return None


def _live_context(vector: Vector) -> Any:
    publish = _publish(vector)
    context = publish.context(Rendition(vector["rendition"]), vector["counter"], vector["capture_us"])
    return {"context": context.hex(), "first_hash": publish.first_hash().hex()}


OPS: dict[str, Callable[[Vector], Any]] = {
    "motion": _motion,
    "canonical": _canonical,
    "verify1": _verify1,
    "merkle": _merkle,
    "merkle-root": _merkle_root,
    "lengths": _lengths,
    "derive": _derive,
    "open-part": _open_part,
    "read-range": _read_range,
    "segment-key": _segment_key,
    "commitment": _commitment,
    "kid": _of_public_key,
    "box-kid": _of_public_key,
    "fingerprint": _of_public_key,
    "part-context": _part_context,
    "object-name": _object_name,
    "open-envelope": _open_envelope,
    "verify-record": _verify_record,
    "accept": _accept,
    "verify-chain": _verify_chain,
    "flags": _flags,
    "verify-statements": _verify_statements,
    "trust-record": _trust_record,
    "verify-tombstone": _verify_tombstone,
    "open-index": _open_index,
    "read-segment": _read_segment,
    "live": _live,
    "live-context": _live_context,
}
