"""A browser of somebody whose organisation holds its keys: all its cryptography, spoken to the portal through REST.

`KeyBrowser` makes an own key, takes an organisation's keys over, signs what the portal asks for, shares and rolls keys of
cameras, and plays. It is written from SPEC and the derivations of docs/customer-held-keys.md alone.
"""

from __future__ import annotations

import os
import secrets
import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.http import HttpResponse
from django.test import Client

from protocol import b64
from sealing.canonical import decode_canonical, encode_canonical
from sealing.cose import Ed25519Signer, Purpose, parse1, sign1
from sealing.ids import (
    CameraKeyKind,
    EnvelopePurpose,
    RecipientKind,
    Rendition,
    box_kid,
    camera_key_kind,
    kid,
)
from sealing.index import open_index
from sealing.keys import (
    CameraShareScope,
    EnvelopeInfo,
    PeriodKey,
    VaultScope,
    open_envelope,
    parse_envelope,
    seal_envelope,
)
from sealing.record import verify_record
from sealing.segment import read_part
from sealing.statement import (
    Body,
    CameraKey,
    CameraKeys,
    MemberKeys,
    Recipient,
    Recipients,
    Statement,
    countersign_handover,
    sign_statement,
)
from tests.cast import slug_of
from vsaas.accounts.models import Account

KINDS = (CameraKeyKind.PICTURE, CameraKeyKind.SOUND)
KeyName = tuple[uuid.UUID, int, int]


def public_of(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


@dataclass(frozen=True)
class Secret:
    """A vault secret, and what follows from it."""

    value: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def _derive(self, *info: Any) -> bytes:
        return HKDF(SHA256(), 32, b"", encode_canonical(list(info))).derive(self.value)

    @property
    def root(self) -> Ed25519Signer:
        return Ed25519Signer(self._derive("vsaas-held-root-v1"))

    @property
    def recipient(self) -> bytes:
        return self._derive("vsaas-held-recipient-v1", 1)

    def camera(self, camera: uuid.UUID, kind: int, epoch: int) -> bytes:
        return self._derive("vsaas-held-camera-v1", camera.bytes, int(kind), epoch)

    def camera_key(self, camera: uuid.UUID, kind: int, epoch: int) -> CameraKey:
        return CameraKey(camera, CameraKeyKind(kind), public_of(self.camera(camera, kind, epoch)), epoch)


class KeyBrowser:
    """One person's browser. `private`: the own key, once it was made or opened; `secret`: a holder's, while it is open."""

    def __init__(self, client: Client, account: Account) -> None:
        self.client, self.account = client, account
        self.tenant = account.tenant_id
        self.slug = slug_of(account)
        self.private = b""
        self.secret: Secret | None = None

    def send(self, method: str, path: str, body: Any = None) -> HttpResponse:
        token = self.client.cookies.get("vsaas_csrf")
        headers = {
            "VSaaS-Tenant": self.slug,
            "Accept": "application/json",
            "X-CSRFToken": token.value if token else "",
        }
        call = getattr(self.client, method.lower())
        data = {} if body is None else {"data": body, "content_type": "application/json"}
        reply: HttpResponse = call(f"/api/v1/{path}", headers=headers, **data)
        return reply

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of a reply that says yes."""
        reply = self.send(method, path, body)
        assert 200 <= reply.status_code < 300, (path, reply.status_code, reply.content)
        return reply.json() if reply.content else None

    # The own key

    @property
    def public(self) -> bytes:
        return public_of(self.private)

    def passphrase_way(self, words: str, label: str = "Passphrase") -> dict[str, Any]:
        """The own key wrapped by a passphrase."""
        salt, nonce = os.urandom(16), os.urandom(12)
        data = {"salt": b64.encode(salt), "m_kib": 65536, "t": 3, "p": 1}
        wrapped = nonce + AESGCM(self._kek(words, salt)).encrypt(
            nonce, self.private, self._bound(self.public)
        )
        return {"kind": "passphrase", "label": label, "data": data, "wrapped": b64.encode(wrapped)}

    def passkey_way(self, prf: bytes, label: str = "Laptop") -> dict[str, Any]:
        """The own key wrapped by what a passkey's PRF gives."""
        nonce = os.urandom(12)
        kek = HKDF(SHA256(), 32, b"", encode_canonical(["vsaas-own-key-prf-v1"])).derive(prf)
        wrapped = nonce + AESGCM(kek).encrypt(nonce, self.private, self._bound(self.public))
        data = {"credential_id": b64.encode(b"credential"), "salt": b64.encode(os.urandom(32))}
        return {"kind": "passkey", "label": label, "data": data, "wrapped": b64.encode(wrapped)}

    def _kek(self, words: str, salt: bytes) -> bytes:
        text = unicodedata.normalize("NFKC", words).encode()
        return hash_secret_raw(text, salt, 3, 65536, 1, 32, Type.ID)

    def _bound(self, public: bytes) -> bytes:
        return encode_canonical(
            ["vsaas-own-key-v1", self.tenant.bytes, self.account.pk.bytes, box_kid(public)]
        )

    def make_own_key(self, words: str = "correct horse battery") -> dict[str, Any]:
        """Two ways at once."""
        self.private = X25519PrivateKey.generate().private_bytes_raw()
        ways = [self.passphrase_way(words), self.passkey_way(b"p" * 32)]
        return self.ask("POST", "keys/own", {"public": b64.encode(self.public), "ways": ways})

    def open_own_key(self, words: str) -> bytes:
        """The private half, from nothing but what the portal keeps and the passphrase."""
        own = self.ask("GET", "keys")["own"]
        way = next(way for way in own["ways"] if way["kind"] == "passphrase")
        wrapped, salt = b64.decode(way["wrapped"]), b64.decode(way["data"]["salt"])
        kek = self._kek(words, salt)
        return AESGCM(kek).decrypt(wrapped[:12], wrapped[12:], self._bound(b64.decode(own["public"])))

    # Sealing

    def camera_share(self, to: bytes, key: KeyName) -> dict[str, Any]:
        """A camera key's private half, from the vault secret, sealed to somebody's own key."""
        camera, kind, epoch = key
        assert self.secret is not None
        private = self.secret.camera(camera, kind, epoch)
        scope = CameraShareScope(camera, CameraKeyKind(kind), epoch)
        sealed = self._seal(EnvelopePurpose.CAMERA_SHARE, scope, box_kid(public_of(private)), private, to)
        return {"camera": str(camera), "kind": kind, "epoch": epoch, "sealed": b64.encode(sealed)}

    def vault_share(self, to: bytes, vault: uuid.UUID) -> str:
        assert self.secret is not None
        key_id = box_kid(public_of(self.secret.recipient))
        return b64.encode(
            self._seal(EnvelopePurpose.VAULT_SHARE, VaultScope(vault), key_id, self.secret.value, to)
        )

    def _seal(self, purpose: EnvelopePurpose, scope: Any, key_id: bytes, secret: bytes, to: bytes) -> bytes:
        return seal_envelope(EnvelopeInfo(purpose, self.tenant, scope, key_id, box_kid(to), 0), secret, to)

    def open_to_me(self, sealed: bytes) -> bytes:
        """Whatever was sealed to the own key."""
        info, _ = parse_envelope(sealed)
        assert (info.recipient, info.epoch) == (box_kid(self.public), 0)
        return open_envelope(sealed, info, self.private)

    # The switch

    def take_over(self, **changes: Any) -> HttpResponse:
        """Moves the organisation to keys of its own, as the page does; `changes` to the last request."""
        self.secret = Secret()
        return self.send("POST", "keys/held", self.taken_over(self.secret) | changes)

    def taken_over(self, secret: Secret) -> dict[str, Any]:
        """The body of the request that takes over, its handover signed by the portal."""
        offer = self.ask("GET", "keys/held/offer")
        prev, number, at_us = b64.decode(offer["prev"]), offer["number"], offer["issued_us"]
        body = countersign_handover(self.tenant, number, prev, at_us, secret.root)
        asked = {
            "root_public": b64.encode(secret.root.public_key),
            "countersignature": b64.encode(body.countersignature),
        }
        handover = b64.decode(self.ask("POST", "keys/held/handover", offer | asked)["handover"])
        cameras = [uuid.UUID(row["camera"]) for row in self.ask("GET", "keys/held/cameras")["items"]]
        recipient = Recipient(RecipientKind.TENANT, public_of(secret.recipient), 1)
        bodies: list[Body] = [Recipients((recipient,)), MemberKeys(((self.account.pk, self.public),))]
        if cameras:
            bodies.append(
                CameraKeys(tuple(secret.camera_key(camera, kind, 1) for camera in cameras for kind in KINDS))
            )
        vault = uuid.uuid4()
        before, self.secret = self.secret, secret
        body = {
            "vault": str(vault),
            "root_public": asked["root_public"],
            "recipient_public": b64.encode(recipient.public_key),
            "sealed": self.vault_share(self.public, vault),
            "statements": [b64.encode(one) for one in [handover, *self.signed(bodies, handover, at_us)]],
            "shares": [
                self.camera_share(self.public, (camera, int(kind), 1)) for camera in cameras for kind in KINDS
            ],
            "kit_confirmed": True,
        }
        self.secret = before
        return body

    def signed(self, bodies: Iterable[Body], after: bytes, at_us: int) -> list[bytes]:
        """Statements by the vault's root that follow `after`."""
        assert self.secret is not None
        done: list[bytes] = []
        for body in bodies:
            before = parse1(done[-1] if done else after)
            number = _number(before.payload) + 1
            statement = Statement(self.tenant, number, before.hash, at_us, body)
            done.append(sign_statement(statement, self.secret.root))
        return done

    def renew(self) -> HttpResponse:
        """Another vault secret in the place of the one that is open."""
        assert self.secret is not None
        old, new, vault = self.secret, Secret(), uuid.uuid4()
        offer = self.ask("GET", "keys/held/offer")
        prev, number, at_us = b64.decode(offer["prev"]), offer["number"], offer["issued_us"]
        handover = countersign_handover(self.tenant, number, prev, at_us, new.root)
        signed = sign_statement(Statement(self.tenant, number, prev, at_us, handover), old.root)
        recipient = Recipient(RecipientKind.TENANT, public_of(new.recipient), 1)
        names = [
            (uuid.UUID(row["camera"]), int(kind), (row["epochs"][kind] or 0) + 1)
            for row in self.ask("GET", "keys/held/cameras")["items"]
            for kind in KINDS
        ]
        self.secret = new
        keys = CameraKeys(tuple(new.camera_key(*name) for name in names))
        following = self.signed([Recipients((recipient,)), keys], signed, at_us)
        body = {
            "vault": str(vault),
            "root_public": b64.encode(new.root.public_key),
            "recipient_public": b64.encode(recipient.public_key),
            "sealed": self.vault_share(self.public, vault),
            "statements": [b64.encode(one) for one in [signed, *following]],
            "shares": [self.camera_share(self.public, name) for name in names],
            "kit_confirmed": True,
        }
        reply = self.send("POST", "keys/held", body)
        if reply.status_code != 202:
            self.secret = old
        return reply

    # A holder's work

    def open_vault(self) -> Secret:
        """The vault secret, from the share the portal keeps and the own key."""
        sealed = self.ask("GET", "keys")["vault"]["sealed"]
        self.secret = Secret(self.open_to_me(b64.decode(sealed)))
        return self.secret

    def state(self, *bodies: Body) -> HttpResponse:
        """Has statements added that a holder decides."""
        return self._post_signed(self.signed(bodies, self._newest(), self._at_us()), [])

    def sign_requests(self) -> HttpResponse:
        """Signs everything the portal asks for."""
        items = self.ask("GET", "keys/statement-requests")["items"]
        payloads = [(row["kind"], decode_canonical(b64.decode(row["body"]))) for row in items]
        signed: list[bytes] = []
        for kind, body in payloads:
            signed.append(self._sign_as_asked(kind, body, signed[-1] if signed else self._newest()))
        return self._post_signed(signed, [row["id"] for row in items])

    def _sign_as_asked(self, kind: int, body: Any, after: bytes) -> bytes:
        assert self.secret is not None
        before = parse1(after)
        payload = {1: 1, 2: kind, 3: self.tenant.bytes, 4: _number(before.payload) + 1, 5: before.hash}
        payload |= {6: self._at_us(), 7: body}
        return sign1(encode_canonical(payload), Purpose.STATEMENT, self.secret.root)

    def _post_signed(self, signed: Sequence[bytes], ids: list[str]) -> HttpResponse:
        body = {"signed": [b64.encode(one) for one in signed], "requests": ids}
        return self.send("POST", "keys/statements", body)

    def _newest(self) -> bytes:
        return b64.decode(self.ask("GET", "statements")["statements"][-1])

    def _at_us(self) -> int:
        return int(decode_canonical(parse1(self._newest()).payload)[6]) + 1  # type: ignore[index,call-overload]

    def admit(self, account: Account) -> dict[str, Any]:
        """Names somebody's own key in a statement and gives them every key they should hold."""
        row = self.person(account)
        public = b64.decode(row["public"])
        if not row["stated"]:
            assert self.state(MemberKeys(((account.pk, public),))).status_code == 200
        shares = [
            self.camera_share(public, (uuid.UUID(key["camera"]), key["kind"], key["epoch"]))
            for key in row["missing"]
        ]
        if shares:
            self.ask("POST", f"keys/people/{account.pk}/shares", {"shares": shares})
        return self.person(account)

    def person(self, account: Account) -> dict[str, Any]:
        """What the portal says of somebody."""
        rows = self.ask("GET", "keys/people")["items"]
        (row,) = [row for row in rows if row["account"] == str(account.pk)]
        return dict(row)

    def roll(self) -> int:
        """Does everything there is to do about keys of cameras; returns how many key periods were sealed anew."""
        assert self.secret is not None
        items = self.ask("GET", "keys/rolls")["items"]
        new = [row for row in items if not row["epoch"] or row["known"]]
        if new:
            keys = [
                self.secret.camera_key(uuid.UUID(row["camera"]), row["kind"], row["epoch"] + 1) for row in new
            ]
            assert self.state(CameraKeys(tuple(keys))).status_code == 200
        for row in self.ask("GET", "keys/people")["items"]:
            if row["public"] and row["stated"] and row["missing"]:
                shares = [
                    self.camera_share(
                        b64.decode(row["public"]), (uuid.UUID(key["camera"]), key["kind"], key["epoch"])
                    )
                    for key in row["missing"]
                ]
                self.ask("POST", f"keys/people/{row['account']}/shares", {"shares": shares})
        return sum(self.rewrap(row["camera"], row["kind"]) for row in self.ask("GET", "keys/rolls")["items"])

    def rewrap(self, camera: str, kind: int) -> int:
        """Seals what is sealed to older keys of a camera to its newest one."""
        items = self.ask("GET", "keys/held/cameras")["items"]
        (epoch,) = [row["epochs"][kind] for row in items if row["camera"] == camera]
        path = f"keys/envelopes?camera={camera}&kind={kind}&below_epoch={epoch}"
        rows, count = self.ask("GET", path)["items"], 0
        if rows:
            done = [{"key_id": row["key_id"], "envelope": self._again(row, epoch)} for row in rows]
            count = self.ask("POST", "keys/envelopes", {"items": done})["stored"]
        return count

    def _again(self, row: dict[str, Any], epoch: int) -> str:
        assert self.secret is not None
        sealed = b64.decode(row["sealed"])
        info, _ = parse_envelope(sealed)
        camera, kind = info.scope.camera, camera_key_kind(row["class"])  # type: ignore[union-attr]
        older = self.camera_keys() | {box_kid(public_of(self.secret.recipient)): self.secret.recipient}
        for n in range(1, epoch + 1):
            private = self.secret.camera(camera, kind, n)
            older[box_kid(public_of(private))] = private
        key = open_envelope(sealed, info, older[info.recipient])
        public = public_of(self.secret.camera(camera, kind, epoch))
        fresh = EnvelopeInfo(info.purpose, info.tenant, info.scope, info.key_id, box_kid(public), epoch)
        return b64.encode(seal_envelope(fresh, key, public))

    # Watching

    def camera_keys(self) -> dict[bytes, bytes]:
        """Private halves of keys of cameras that were shared with this person, by key id."""
        found = {}
        for row in self.ask("GET", "keys")["shares"]:
            private = self.open_to_me(b64.decode(row["sealed"]))
            found[box_kid(public_of(private))] = private
        return found

    def playback(self, camera: uuid.UUID, from_us: int, to_us: int, *, audio: bool = False) -> dict[str, Any]:
        """What the portal answers to a player."""
        body = {
            "streams": [{"camera": str(camera), "stream": "main"}],
            "from_us": from_us,
            "to_us": to_us,
            "audio": audio,
            "hpke_public": b64.encode(X25519PrivateKey.generate().public_key().public_bytes_raw()),
        }
        return dict(self.ask("POST", "playback", body))

    def play(self, camera: uuid.UUID, from_us: int, to_us: int) -> list[bytes]:
        """The plaintext of the video of every stored segment, from the shares, the reply and the store."""
        keys = self.camera_keys()
        (stream,) = self.playback(camera, from_us, to_us)["streams"]
        return [_open(keys, stream, segment) for segment in stream["segments"]]


def period_key(keys: dict[bytes, bytes], envelope: bytes, commitment: bytes) -> PeriodKey:
    """A period key, opened by whichever of these keys it is sealed to, and checked."""
    info, _ = parse_envelope(envelope)
    key = PeriodKey(info.key_id, open_envelope(envelope, info, keys[info.recipient]))
    key.check(commitment)
    return key


def _open(keys: dict[bytes, bytes], stream: dict[str, Any], segment: dict[str, Any]) -> bytes:
    encoded = b64.decode(segment["record"])
    stated = (b64.decode(key) for key in stream["agents"][segment["agent"]]["record_keys"])
    signer = next(key for key in stated if kid(key) == parse1(encoded).kid)
    record = verify_record(encoded, signer).record
    sealed = {row["rendition"]: b64.decode(row["period"]) for row in segment["keys"]}

    def key(rendition: Rendition) -> bytes:
        opened = period_key(keys, sealed[rendition], record.part(rendition).commitment)
        return opened.segment_key(record.segment, rendition)

    index = open_index(record, key(Rendition.INDEX), b64.decode(segment["index"]))

    def read(offset: int, length: int) -> bytes:
        answer = httpx.get(segment["url"], headers={"Range": f"bytes={offset}-{offset + length - 1}"})
        assert answer.status_code == 206, answer.text
        return answer.content

    part = read_part(record, index, Rendition.MAIN, key(Rendition.MAIN), read)
    return bytes(part.read(0, part.plaintext_length))


def _number(payload: bytes) -> int:
    fields = decode_canonical(payload)
    assert isinstance(fields, dict)
    return int(fields[4])  # type: ignore[arg-type]
