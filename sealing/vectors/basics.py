"""Vectors of the building blocks: canonical CBOR, signed objects, leaves and roots, parts, keys and envelopes, names."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from sealing.canonical import CBOR, Encodable, encode_canonical
from sealing.cose import Ed25519Signer, Purpose, sign1
from sealing.ids import (
    CameraKeyKind,
    EnvelopePurpose,
    Rendition,
    Stream,
    box_kid,
    fingerprint,
    kid,
)
from sealing.keys import (
    CameraScope,
    CameraShareScope,
    EnvelopeInfo,
    LiveScope,
    PeriodKey,
    RecScope,
    Release,
    SegmentScope,
    VaultScope,
    parse_envelope,
    part_context,
    seal_envelope,
)
from sealing.merkle import LEAF_BYTES, leaf_hashes, merkle_root
from sealing.names import object_name
from sealing.part import sealed_length
from sealing.reader import derive
from sealing.show import plain
from sealing.vectors.encoder import described, fixed, resolve, stream

Vector = dict[str, Any]


def fixed_uuid(label: str) -> uuid.UUID:
    """A UUID (version 4 form) that depends on nothing but `label`."""
    return uuid.UUID(bytes=stream(f"uuid {label}", 16), version=4)


TENANT, CAMERA = fixed_uuid("tenant"), fixed_uuid("camera")
OTHER_TENANT, OTHER_CAMERA = fixed_uuid("other tenant"), fixed_uuid("other camera")
SEGMENT = uuid.UUID("01970000-0000-7000-8000-000000000001")
AGENT = fixed_uuid("agent")
ROOT, OTHER_ROOT = Ed25519Signer(stream("root", 32)), Ed25519Signer(stream("other root", 32))
RECORDER, OTHER_RECORDER = Ed25519Signer(stream("record", 32)), Ed25519Signer(stream("other record", 32))
VIDEO_KEY = PeriodKey(stream("video key id", 16), stream("video key", 32))
AUDIO_KEY = PeriodKey(stream("audio key id", 16), stream("audio key", 32))
START_US = 1_750_000_000_000_000


def typed(value: CBOR) -> Any:
    """A CBOR value in JSON: {"int": decimal}, {"bytes": hex}, {"text"}, {"array"}, {"map": [[key, value], …]}, true, false, null."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, list):
        return {"array": [typed(item) for item in value]}
    return {"map": [[str(key), typed(item)] for key, item in value.items()]}


def canonical() -> list[Vector]:
    good: dict[str, CBOR] = {
        "zero": 0,
        "23": 23,
        "24": 24,
        "255": 255,
        "256": 256,
        "65535": 65535,
        "65536": 65536,
        "2^32-1": (1 << 32) - 1,
        "2^32": 1 << 32,
        "2^53+1, which a JavaScript number cannot hold": (1 << 53) + 1,
        "2^64-1": (1 << 64) - 1,
        "-1": -1,
        "-24": -24,
        "-25": -25,
        "-2^64": -(1 << 64),
        "no bytes": b"",
        "24 bytes": bytes(range(24)),
        "256 bytes": bytes(256),
        "text": "Tür 3 · 門",
        "text beyond the basic plane": "📷",
        "empty array": [],
        "nested array": [[1, [2]], b"x", True, False, None],
        "empty map": {},
        "keys in bytewise order, not shorter first": {
            0: 0,
            23: 1,
            24: 2,
            100: 3,
            256: 4,
            65536: 5,
            -1: 6,
            -2: 7,
            -300: 8,
        },
        "nested as deep as allowed": _nested(16),
    }
    bad = {
        "empty input": "",
        "0 in two bytes": "1800",
        "23 in two bytes": "1817",
        "255 in three bytes": "1900ff",
        "65535 in five bytes": "1a0000ffff",
        "2^32-1 in nine bytes": "1b00000000ffffffff",
        "-1 in two bytes": "3800",
        "length of a byte string in two bytes": "580161",
        "length of an array in two bytes": "980100",
        "indefinite byte string": "5f4161ff",
        "indefinite array": "9f01ff",
        "indefinite map": "bf0102ff",
        "break alone": "ff",
        "reserved additional information 28": "1c",
        "half float 1.0": "f93c00",
        "float": "fa3f800000",
        "double": "fb3ff0000000000000",
        "undefined": "f7",
        "simple value 16": "f0",
        "simple value in two bytes": "f820",
        "tag 1 (a date)": "c11a514b67b0",
        "tag 2 (a big number)": "c249010000000000000000",
        "tag 18 with nothing signed in it": "d200",
        "tag 55799": "d9d9f700",
        "keys out of order": "a202010101",
        "keys in the older order, shorter first": "a22000186401",
        "negative key before a positive one": "a220000100",
        "key twice": "a201000101",
        "text key": "a1616101",
        "bytes key": "a1416101",
        "true as a key": "a1f501",
        "array as a key": "a1810101",
        "a byte after the end": "0000",
        "array cut off": "8201",
        "map cut off": "a101",
        "byte string cut off": "42ff",
        "number cut off": "19ff",
        "array that claims 2^32 items": "9a" + "ffffffff",
        "array that claims 2^64-1 items": "9b" + "f" * 16,
        "byte string that claims 2^64-1 bytes": "5b" + "f" * 16,
        "text that is not UTF-8": "61ff",
        "text with a lone surrogate": "63eda080",
        "text in an overlong form": "62c1a1",
        "nested one deeper than allowed": "81" * 17 + "00",
        "nested far too deep": "81" * 4000 + "00",
    }
    return [
        {
            "name": name,
            "op": "canonical",
            "data": encode_canonical(value).hex(),
            "expect": {"value": typed(value)},
        }
        for name, value in good.items()
    ] + [
        {"name": name, "op": "canonical", "data": data, "error": "not-canonical"}
        for name, data in bad.items()
    ]


def _nested(depth: int) -> CBOR:
    value: CBOR = []
    for _ in range(depth - 1):
        value = [value]
    return value


def cose() -> list[Vector]:
    payload = encode_canonical({1: 1, 2: b"payload"})
    good = sign1(payload, Purpose.RECORD, RECORDER)
    public = RECORDER.public_key.hex()
    protected = encode_canonical({1: -8, 4: kid(RECORDER.public_key)})

    def made(
        protected: bytes, unprotected: Any = None, signature: bytes | None = None, tag: str = "d2"
    ) -> str:
        if signature is None:
            to_be_signed: Encodable = ["Signature1", protected, Purpose.RECORD.value.encode(), payload]
            signature = RECORDER.sign(encode_canonical(to_be_signed))
        return tag + encode_canonical([protected, unprotected or {}, payload, signature]).hex()

    vectors: list[Vector] = [
        _verify1(f"as {purpose.value}", sign1(payload, purpose, RECORDER).hex(), purpose, public)
        | {
            "expect": {
                "kid": kid(RECORDER.public_key).hex(),
                "payload": payload.hex(),
                "hash": hashlib.sha256(sign1(payload, purpose, RECORDER)).hexdigest(),
            }
        }
        for purpose in Purpose
    ]
    extended = encode_canonical({1: -8, 4: kid(RECORDER.public_key), -70000: b"ignorable"})
    vectors.append(
        _verify1("an ignorable header", made(extended), Purpose.RECORD, public)
        | {
            "expect": {
                "kid": kid(RECORDER.public_key).hex(),
                "payload": payload.hex(),
                "hash": hashlib.sha256(bytes.fromhex(made(extended))).hexdigest(),
            }
        }
    )
    flipped = bytearray(good)
    flipped[-1] ^= 1
    changed = bytearray(good)
    changed[good.index(b"payload")] ^= 1
    refused = {
        "another purpose": (sign1(payload, Purpose.COMMAND, RECORDER).hex(), "wrong-purpose"),
        "signature altered": (flipped.hex(), "bad-signature"),
        "payload altered": (changed.hex(), "bad-signature"),
        "signed by another key": (sign1(payload, Purpose.RECORD, OTHER_RECORDER).hex(), "bad-signature"),
        "no tag": (made(protected, tag=""), "not-canonical"),
        "another tag": (made(protected, tag="d1"), "not-canonical"),
        "tag in two bytes": (made(protected, tag="d812"), "not-canonical"),
        "unprotected header": (made(protected, {4: kid(RECORDER.public_key)}), "bad-field"),
        "three items": ("d2" + encode_canonical([protected, {}, payload]).hex(), "bad-field"),
        "detached payload": ("d2" + encode_canonical([protected, {}, None, bytes(64)]).hex(), "bad-field"),
        "signature of 63 bytes": (made(protected, signature=bytes(63)), "bad-field"),
        "unknown header": (
            made(encode_canonical({1: -8, 3: 0, 4: kid(RECORDER.public_key)})),
            "unknown-critical",
        ),
        "critical-headers header": (
            made(encode_canonical({1: -8, 2: [99], 4: kid(RECORDER.public_key)})),
            "unknown-critical",
        ),
        "no kid": (made(encode_canonical({1: -8})), "bad-field"),
        "no algorithm": (made(encode_canonical({4: kid(RECORDER.public_key)})), "bad-field"),
        "ES256": (made(encode_canonical({1: -7, 4: kid(RECORDER.public_key)})), "unknown-suite"),
        "kid of 8 bytes": (made(encode_canonical({1: -8, 4: bytes(8)})), "bad-field"),
        "empty protected header": (made(b""), "not-canonical"),
        "protected header not canonical": (made(bytes.fromhex("a2044100") + b"\x01\x27"), "not-canonical"),
        "empty": ("", "not-canonical"),
        "cut off": (good[:-1].hex(), "not-canonical"),
        "a byte after the end": (good.hex() + "00", "not-canonical"),
    }
    vectors += [
        _verify1(name, data, Purpose.RECORD, public) | {"error": error}
        for name, (data, error) in refused.items()
    ]
    return vectors


def _verify1(name: str, data: str, purpose: Purpose, public: str) -> Vector:
    return {"name": name, "op": "verify1", "data": data, "purpose": purpose.value, "public_key": public}


def merkle() -> list[Vector]:
    lengths = [
        72,
        73,
        56 + 16400,
        56 + LEAF_BYTES - 1,
        56 + LEAF_BYTES,
        56 + LEAF_BYTES + 1,
        56 + 2 * LEAF_BYTES,
    ]
    vectors: list[Vector] = []
    for length in [*lengths, 56 + 2 * LEAF_BYTES + 16, 56 + 4 * LEAF_BYTES + 17, 56 + 6 * LEAF_BYTES + 99]:
        sealed = described(stream=f"leaves {length}", length=length)
        leaves = leaf_hashes(resolve(sealed))
        expect = {"leaves": [leaf.hex() for leaf in leaves], "root": merkle_root(leaves).hex()}
        vectors.append({"name": f"{length} sealed bytes", "op": "merkle", "sealed": sealed, "expect": expect})
    for count in (1, 2, 3, 4, 5, 7, 8, 9, 100):
        leaves = tuple(hashlib.sha256(bytes([number])).digest() for number in range(count))
        vectors.append(
            {
                "name": f"root over {count} leaves",
                "op": "merkle-root",
                "leaves": [leaf.hex() for leaf in leaves],
                "expect": {"root": merkle_root(leaves).hex()},
            }
        )
    vectors += [
        {
            "name": f"{length} bytes are too few",
            "op": "merkle",
            "sealed": described(stream="short", length=length),
            "error": "bad-length",
        }
        for length in (1, 56, 71)
    ]
    return vectors


PART_KEY = stream("part key", 32)
CONTEXT = part_context(TENANT, CAMERA, Stream.MAIN, SEGMENT, Rendition.MAIN)


def sealed(label: str, length: int, **changes: Any) -> dict[str, Any]:
    """A description of `length` bytes sealed under the key and context of these vectors."""
    how = {
        "key": PART_KEY.hex(),
        "context": CONTEXT.hex(),
        "salt": stream(f"salt {label}", 24).hex(),
        "plaintext": described(stream=f"plaintext {label}", length=length),
    }
    edits = changes.pop("edits", None)
    return described(seal=how | changes, **({"edits": edits} if edits else {}))


def parts() -> list[Vector]:
    lengths = (
        0,
        1,
        15,
        16,
        100,
        16383,
        16384,
        16385,
        32767,
        32768,
        32769,
        262143,
        262144,
        262145,
        524288,
        1_000_000,
    )
    vectors: list[Vector] = []
    for length in lengths:
        part = sealed(f"part {length}", length)
        plaintext = part["seal"]["plaintext"]
        vectors.append(_part(f"{length} bytes", part) | {"expect": {"plaintext": plaintext}})
    vectors += _whole_parts_refused() + _lengths() + _ranges()
    salt = stream("salt derive", 24)
    material = derive(PART_KEY, salt, CONTEXT)
    names = ("cipher_key", "base_nonce", "commitment")
    vectors.append(
        {
            "name": "key, nonce and commitment",
            "op": "derive",
            "key": PART_KEY.hex(),
            "context": CONTEXT.hex(),
            "salt": salt.hex(),
            "expect": {name: value.hex() for name, value in zip(names, material, strict=True)},
        }
    )
    hexed = resolve(sealed("part 100", 100)).hex()
    return [
        *vectors,
        _part("100 bytes, written out", hexed)
        | {"expect": {"plaintext": described(stream="plaintext part 100", length=100)}},
    ]


def _part(name: str, part: Any, key: bytes = PART_KEY, context: bytes = CONTEXT) -> Vector:
    return {"name": name, "op": "open-part", "key": key.hex(), "context": context.hex(), "sealed": part}


def _whole_parts_refused() -> list[Vector]:
    """Parts of 3 chunks and 40 bytes that were altered. `clear`: plaintext bytes that may come out before the error."""
    length, chunk = 3 * 16384 + 40, 16400
    end = sealed_length(length)
    edits: dict[str, tuple[list[Any], str, int]] = {
        "salt altered": ([{"flip": [0, 1]}], "wrong-key", 0),
        "commitment altered": ([{"flip": [55, 128]}], "wrong-key", 0),
        "first byte of the first chunk altered": ([{"flip": [56, 1]}], "chunk-tampered", 0),
        "tag of the first chunk altered": ([{"flip": [56 + chunk - 1, 1]}], "chunk-tampered", 0),
        "byte of the second chunk altered": ([{"flip": [56 + chunk + 7, 16]}], "chunk-tampered", 16384),
        "last byte altered": ([{"flip": [end - 1, 64]}], "chunk-tampered", 3 * 16384),
        "chunks 0 and 1 swapped": ([{"swap": [56, 56 + chunk, chunk]}], "chunk-tampered", 0),
        "chunks 1 and 2 swapped": ([{"swap": [56 + chunk, 56 + 2 * chunk, chunk]}], "chunk-tampered", 16384),
        "chunk 0 repeated as chunk 1": ([{"copy": [56, 56 + chunk, chunk]}], "chunk-tampered", 16384),
        "chunk 1 repeated as chunk 2": (
            [{"copy": [56 + chunk, 56 + 2 * chunk, chunk]}],
            "chunk-tampered",
            2 * 16384,
        ),
        "one byte cut off": ([{"cut": end - 1}], "chunk-tampered", 3 * 16384),
        "last chunk cut off": ([{"cut": end - 56}], "truncated", 0),
        "all chunks cut off": ([{"cut": 56}], "bad-length", 0),
        "header cut off": ([{"cut": 55}], "bad-length", 0),
        "cut in a tag": ([{"cut": 56 + chunk + 15}], "bad-length", 0),
        "cut in a chunk": ([{"cut": 56 + chunk + 1000}], "chunk-tampered", 16384),
        "a byte appended": ([{"append": "00"}], "chunk-tampered", 3 * 16384),
        "empty": ([{"cut": 0}], "bad-length", 0),
    }
    vectors = [
        _part(name, sealed("altered", length, edits=edit)) | {"error": error, "clear": clear}
        for name, (edit, error, clear) in edits.items()
    ]
    exact = sealed("exact", 16384, edits=[{"cut": 56 + chunk}])
    vectors.append(
        _part("an exact multiple without its empty last chunk", exact) | {"error": "truncated", "clear": 0}
    )
    part = sealed("altered", length)
    vectors.append(_part("another key", part, key=stream("no key", 32)) | {"error": "wrong-key", "clear": 0})
    others = {
        "another tenant": part_context(OTHER_TENANT, CAMERA, Stream.MAIN, SEGMENT, Rendition.MAIN),
        "another camera": part_context(TENANT, OTHER_CAMERA, Stream.MAIN, SEGMENT, Rendition.MAIN),
        "the other stream": part_context(TENANT, CAMERA, Stream.SUB, SEGMENT, Rendition.MAIN),
        "another segment": part_context(TENANT, CAMERA, Stream.MAIN, fixed_uuid("segment"), Rendition.MAIN),
        "another rendition": part_context(TENANT, CAMERA, Stream.MAIN, SEGMENT, Rendition.AUDIO),
    }
    vectors += [
        _part(f"context of {name}", part, context=context) | {"error": "wrong-key", "clear": 0}
        for name, context in others.items()
    ]
    return vectors


def _lengths() -> list[Vector]:
    good = (0, 1, 16383, 16384, 16385, 262144, 5_000_000, 1 << 30)
    vectors: list[Vector] = [
        {
            "name": f"length of {n}",
            "op": "lengths",
            "sealed_length": sealed_length(n),
            "expect": {"plaintext_length": n},
        }
        for n in good
    ]
    bad = {0: "bad-length", 55: "bad-length", 56: "bad-length", 71: "bad-length", 56 + 16400: "truncated"}
    bad |= {56 + 16400 + 1: "bad-length", 56 + 16400 + 15: "bad-length", 56 + 160 * 16400: "truncated"}
    return vectors + [
        {"name": f"no part of {length} bytes", "op": "lengths", "sealed_length": length, "error": error}
        for length, error in bad.items()
    ]


def _ranges() -> list[Vector]:
    length = 3 * 262144 + 5
    whole = sealed("ranges", length)
    leaves = leaf_hashes(resolve(whole))
    root = merkle_root(leaves)
    plaintext = stream("plaintext ranges", length)

    def vector(name: str, part: Any, offset: int, size: int, **changes: Any) -> Vector:
        base = _part(name, part) | {"op": "read-range", "offset": offset, "length": size}
        return base | {"leaves": [leaf.hex() for leaf in leaves], "root": root.hex()} | changes

    spans = [
        (0, 1),
        (0, 16384),
        (16383, 2),
        (262143, 2),
        (262144, 16384),
        (500_000, 100_000),
        (length - 1, 1),
    ]
    vectors = [
        vector(f"range {at}+{size}", whole, at, size)
        | {"expect": {"sha256": hashlib.sha256(plaintext[at : at + size]).hexdigest()}}
        for at, size in [*spans, (length, 0), (0, length)]
    ]
    second = 56 + LEAF_BYTES
    altered = sealed("ranges", length, edits=[{"flip": [second + 300, 1]}])
    repeated = sealed("ranges", length, edits=[{"copy": [second, second + LEAF_BYTES, LEAF_BYTES]}])
    swapped = sealed("ranges", length, edits=[{"swap": [second, second + LEAF_BYTES, LEAF_BYTES]}])
    again = sealed("ranges", length, salt=stream("another salt", 24).hex())
    short = sealed("ranges", length, edits=[{"cut": second + 1000}])
    fine = {"sha256": hashlib.sha256(plaintext[:10]).hexdigest()}
    wrong = [leaf_hashes(resolve(again))[0].hex(), *[leaf.hex() for leaf in leaves[1:]]]
    vectors += [
        vector("leaf 0 while leaf 1 is altered", altered, 0, 10) | {"expect": fine},
        vector("another chunk of an altered leaf", altered, 262144 + 40_000, 10) | {"error": "leaf-tampered"},
        vector("leaf 1 repeated as leaf 2", repeated, 2 * 262144, 1) | {"error": "leaf-tampered"},
        vector("leaves 1 and 2 swapped", swapped, 262144, 1) | {"error": "leaf-tampered"},
        vector("validly sealed again, another root", again, 0, 10) | {"error": "leaf-tampered"},
        vector("leaf hashes of the part sealed again", again, 0, 10, leaves=wrong) | {"error": "wrong-root"},
        vector("one leaf hash too few", whole, 0, 10, leaves=[leaf.hex() for leaf in leaves[:-1]])
        | {"error": "wrong-root"},
        vector("object ends early", short, 262144, 1, sealed_length=sealed_length(length))
        | {"error": "truncated"},
        vector("range beyond the end", whole, length, 1) | {"error": "bad-length"},
        vector("range under another key", whole, 0, 1, key=stream("no key", 32).hex())
        | {"error": "wrong-key"},
    ]
    return vectors


def keys() -> list[Vector]:
    vectors: list[Vector] = [
        {
            "name": f"segment key of rendition {rendition}",
            "op": "segment-key",
            "period_key": VIDEO_KEY.key.hex(),
            "segment": str(SEGMENT),
            "rendition": rendition,
            "expect": {"key": VIDEO_KEY.segment_key(SEGMENT, rendition).hex()},
        }
        for rendition in Rendition
    ]
    vectors.append(
        {
            "name": "commitment",
            "op": "commitment",
            "key_id": VIDEO_KEY.key_id.hex(),
            "key": VIDEO_KEY.key.hex(),
            "expect": {"commitment": VIDEO_KEY.commitment.hex()},
        }
    )
    public = ROOT.public_key
    for how, value in {
        "kid": kid(public),
        "box-kid": box_kid(public),
        "fingerprint": fingerprint(public),
    }.items():
        vectors.append({"name": how, "op": how, "public_key": public.hex(), "expect": {how: value.hex()}})
    for stream_, rendition in (
        (Stream.MAIN, Rendition.MAIN),
        (Stream.SUB, Rendition.AUDIO),
        (Stream.SUB, Rendition.INDEX),
    ):
        vectors.append(
            {
                "name": f"context of {rendition.name.lower()} on {stream_.name.lower()}",
                "op": "part-context",
                "tenant": str(TENANT),
                "camera": str(CAMERA),
                "stream": int(stream_),
                "segment": str(SEGMENT),
                "rendition": int(rendition),
                "expect": {"context": part_context(TENANT, CAMERA, stream_, SEGMENT, rendition).hex()},
            }
        )
    for start_us in (0, START_US, 253_402_300_799_999_999):
        name = object_name(TENANT, CAMERA, Stream.MAIN, SEGMENT, start_us)
        vectors.append(_name(start_us) | {"expect": {"name": name}})
    return [*vectors, _name(253_402_300_800_000_000) | {"error": "bad-field"}]


def _name(start_us: int) -> Vector:
    place = {"tenant": str(TENANT), "camera": str(CAMERA), "stream": 1, "segment": str(SEGMENT)}
    return {"name": f"object name at {start_us}", "op": "object-name", **place, "start_us": start_us}


BOX_PRIVATE = stream("box", 32)


def _box_public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def envelopes() -> list[Vector]:
    public = _box_public(BOX_PRIVATE)
    rec = EnvelopeInfo(
        EnvelopePurpose.REC, TENANT, RecScope(CAMERA, 1, START_US), VIDEO_KEY.key_id, box_kid(public), 1
    )
    release = Release(stream("session", 16), fixed_uuid("account"), START_US + 120_000_000)
    publish = stream("publish", 16)
    infos = {
        "rec": rec,
        "rec, audio of sub": replace(rec, scope=RecScope(CAMERA, 0x83, START_US)),
        "live": replace(
            rec, purpose=EnvelopePurpose.LIVE, scope=LiveScope(CAMERA, Stream.SUB, Rendition.SUB, publish)
        ),
        "release": replace(
            rec,
            purpose=EnvelopePurpose.RELEASE,
            scope=SegmentScope(CAMERA, SEGMENT, Rendition.MAIN),
            release=release,
        ),
        "release, live": replace(
            rec,
            purpose=EnvelopePurpose.RELEASE,
            scope=LiveScope(CAMERA, Stream.MAIN, Rendition.AUDIO, publish),
            release=release,
        ),
        "camera source": replace(rec, purpose=EnvelopePurpose.CAMERA_SOURCE, scope=CameraScope(CAMERA)),
        "share of a camera key": replace(
            rec,
            purpose=EnvelopePurpose.CAMERA_SHARE,
            scope=CameraShareScope(CAMERA, CameraKeyKind.SOUND, 3),
            epoch=0,
        ),
        "share of a vault": replace(
            rec, purpose=EnvelopePurpose.VAULT_SHARE, scope=VaultScope(fixed_uuid("vault")), epoch=0
        ),
    }
    vectors: list[Vector] = []
    for name, info in infos.items():
        secret = b"rtsp://u:p@10.0.0.9/1" if name == "camera source" else VIDEO_KEY.key
        vectors.append(_envelope(name, _sealed(info, secret), info) | {"expect": {"secret": secret.hex()}})
    return vectors + _swapped(rec, infos["release"]) + _malformed(rec)


def _sealed(info: EnvelopeInfo, secret: bytes) -> bytes:
    with fixed(info.encode().hex()):
        return seal_envelope(info, secret, _box_public(BOX_PRIVATE))


def _envelope(name: str, data: bytes, expected: EnvelopeInfo, private: bytes = BOX_PRIVATE) -> Vector:
    return {
        "name": name,
        "op": "open-envelope",
        "data": data.hex(),
        "private_key": private.hex(),
        "expected": plain(expected),
    }


def _swapped(rec: EnvelopeInfo, release: EnvelopeInfo) -> list[Vector]:
    """Good envelopes that are not the one expected."""
    assert release.release is not None
    data = _sealed(rec, VIDEO_KEY.key)
    others = {
        "swapped: envelope of another key": replace(rec, key_id=AUDIO_KEY.key_id),
        "wrong scope: another camera": replace(rec, scope=RecScope(OTHER_CAMERA, 1, START_US)),
        "wrong scope: another rendition class": replace(rec, scope=RecScope(CAMERA, 2, START_US)),
        "wrong scope: another period": replace(rec, scope=RecScope(CAMERA, 1, START_US + 3_600_000_000)),
        "another tenant": replace(rec, tenant=OTHER_TENANT),
        "another epoch": replace(rec, epoch=2),
        "another recipient": replace(rec, recipient=box_kid(bytes(32))),
        "another purpose": release,
    }
    vectors = [_envelope(name, data, info) | {"error": "wrong-envelope"} for name, info in others.items()]
    given = _sealed(release, VIDEO_KEY.key)
    releases = {
        "release to another session": replace(release.release, session=stream("other session", 16)),
        "release to another account": replace(release.release, account=fixed_uuid("other account")),
        "release with another expiry": replace(release.release, expires_us=START_US),
    }
    vectors += [
        _envelope(name, given, replace(release, release=to)) | {"error": "wrong-envelope"}
        for name, to in releases.items()
    ]
    vectors.append(
        _envelope("another private key", data, rec, stream("other box", 32)) | {"error": "wrong-envelope"}
    )
    other = replace(rec, key_id=AUDIO_KEY.key_id)
    body = encode_canonical({1: rec.as_map(), 2: _sealed_bytes(_sealed(other, AUDIO_KEY.key))})
    vectors.append(_envelope("sealed bytes of another envelope", body, rec) | {"error": "wrong-envelope"})
    for name, at in (("enc altered", 0), ("ciphertext altered", 40), ("tag altered", -1)):
        altered = bytearray(_sealed_bytes(data))
        altered[at] ^= 1
        body = encode_canonical({1: rec.as_map(), 2: bytes(altered)})
        vectors.append(_envelope(name, body, rec) | {"error": "wrong-envelope"})
    zero = encode_canonical({1: rec.as_map(), 2: bytes(32) + _sealed_bytes(data)[32:]})
    return [*vectors, _envelope("enc is the zero point", zero, rec) | {"error": "wrong-envelope"}]


def _sealed_bytes(envelope: bytes) -> bytes:
    return parse_envelope(envelope)[1]


def _malformed(rec: EnvelopeInfo) -> list[Vector]:
    body = _sealed_bytes(_sealed(rec, VIDEO_KEY.key))
    info = rec.as_map()
    changed = {
        "unknown version": (info | {1: "vsaas-env-v2"}, "unknown-suite"),
        "unknown suite": (info | {3: 2}, "unknown-suite"),
        "unknown purpose": (info | {2: 7}, "bad-field"),
        "scope of another purpose": (info | {5: [CAMERA.bytes]}, "bad-field"),
        "rendition class that does not exist": (info | {5: [CAMERA.bytes, 4, START_US]}, "bad-field"),
        "key id of 15 bytes": (info | {6: bytes(15)}, "bad-field"),
        "unknown field": (info | {10: 0}, "unknown-critical"),
        "extension": (info | {-1: 0}, "bad-field"),
        "release fields without a release": (info | {9: {1: bytes(16), 2: bytes(16), 3: 0}}, "bad-field"),
        "no epoch": ({key: value for key, value in info.items() if key != 8}, "bad-field"),
    }
    vectors = [
        _envelope(name, encode_canonical({1: made, 2: body}), rec) | {"error": error}
        for name, (made, error) in changed.items()
    ]
    data = encode_canonical({1: info, 2: body})
    vectors += [
        _envelope("sealed bytes too short", encode_canonical({1: info, 2: body[:48]}), rec)
        | {"error": "bad-field"},
        _envelope("no sealed bytes", encode_canonical({1: info}), rec) | {"error": "bad-field"},
        _envelope("a byte after the end", data + b"\x00", rec) | {"error": "not-canonical"},
        _envelope("too long", bytes(8193), rec) | {"error": "bad-length"},
    ]
    return vectors
