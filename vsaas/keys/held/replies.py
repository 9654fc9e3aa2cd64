"""What the API tells and asks of customer-held keys."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from rest_framework import serializers

from vsaas.common.fields import Fields
from vsaas.common.shapes import B64, Fingerprint, Id, Micros, Next, page_example
from vsaas.keys.held.own import LABEL_CHARS_MAX, WAYS_MOST
from vsaas.keys.held.requests import AT_ONCE as STATEMENTS_MOST
from vsaas.keys.held.rolls import AT_ONCE as ENVELOPES_MOST
from vsaas.keys.models import OwnKeyWay

KIND = Annotated[int, Field(ge=0, le=1, description="0 picture, 1 sound.")]
Kid = Annotated[str, Field(description="16 bytes in hexadecimal.", pattern=r"^[0-9a-f]{32}$")]
SHARES_MOST = 5000
CAMERA = "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11"
ACCOUNT = "019ac10b-2c3d-7e4f-8051-62738495a6b7"
PUBLIC = "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"
AT_US = 1764064980000000


class WayReply(BaseModel):
    """How a person opens their own key. `data`: passkey {credential_id, salt}, passphrase {salt, m_kib, t, p}."""

    id: Id
    kind: Literal["passkey", "passphrase"]
    label: str
    created_us: Micros
    data: dict[str, Any]
    wrapped: B64 = Field(description="The private half, under a key only this way makes.")


class OwnKeyReply(BaseModel):
    """One's own key."""

    public: B64
    kid: Kid
    stated: bool = Field(description="Whether a statement names it, so that holders seal to it.")
    ways: list[WayReply]


class HolderReply(BaseModel):
    """To whom the vault secret is sealed. `own_public` null: their account or key is gone."""

    account: Id
    name: str
    own_public: B64 | None


class VaultReply(BaseModel):
    """Public halves of the vault, and the caller's share of its secret."""

    id: Id
    root_public: B64
    recipient_public: B64
    created_us: Micros
    renew: bool = Field(description="Somebody who knew the secret holds it no more: it is to be renewed.")
    holders: list[HolderReply]
    sealed: B64 | None


class ShareReply(BaseModel):
    """A key of a camera, sealed to the caller."""

    camera: Id
    kind: KIND
    epoch: int
    sealed: B64


class ProgressReply(BaseModel):
    """The portal's part of the switch."""

    done: int
    of: int


class WaitingReply(BaseModel):
    """What waits for a holder; 0 for who is none."""

    statements: int
    members: int
    cameras: int
    roll: int


class MayReply(BaseModel):
    """What the caller may do."""

    hold: bool


class KeysReply(BaseModel):
    """The caller's keys, and who holds the organisation's. Everything is public or sealed."""

    tenant: Id
    account: Id
    mode: Literal["managed", "switching", "customer-held"]
    root_fingerprint: Fingerprint
    own: OwnKeyReply | None
    vault: VaultReply | None
    shares: list[ShareReply]
    rewrap: ProgressReply | None
    waiting: WaitingReply
    may: MayReply


WAY: dict[str, Any] = {
    "id": "019ac10b-2c3d-7e4f-8051-62738495a6b8",
    "kind": "passphrase",
    "label": "Passphrase",
    "created_us": AT_US,
    "data": {"salt": "AAAAAAAAAAAAAAAAAAAAAA", "m_kib": 65536, "t": 3, "p": 1},
    "wrapped": "A" * 80,
}
OWN: dict[str, Any] = {"public": PUBLIC, "kid": "0f" * 16, "stated": True, "ways": [WAY]}
KEYS: dict[str, Any] = {
    "tenant": "019ac0f2-0000-7c11-9d8e-2f6b7a0c4d11",
    "account": ACCOUNT,
    "mode": "managed",
    "root_fingerprint": "7d4f1c0e5a8b9263d1e4f7a0b3c6d9e2f5a8b1c4d7e0f3a6b9c2d5e8f1a4b7c0",
    "own": OWN,
    "vault": None,
    "shares": [],
    "rewrap": None,
    "waiting": {"statements": 0, "members": 0, "cameras": 0, "roll": 0},
    "may": {"hold": True},
}


class OfferReply(BaseModel):
    """What the statement will be by which the portal's root hands over."""

    number: int
    prev: B64
    issued_us: Micros


OFFER: dict[str, Any] = {"number": 12, "prev": "A" * 43, "issued_us": AT_US}


class HandoverReply(BaseModel):
    """The signed statement, stored nowhere yet."""

    handover: B64


class CameraToState(BaseModel):
    """A camera that needs keys of both kinds. `epochs`: of the newest ones, picture and sound; null: none yet."""

    camera: Id
    name: str
    epochs: list[int | None]


class CamerasToState(BaseModel):
    """All of them."""

    items: list[CameraToState]


CAMERAS: dict[str, Any] = {"items": [{"camera": CAMERA, "name": "Gate", "epochs": [None, None]}]}


class SwitchReply(BaseModel):
    """The mode now."""

    mode: Literal["switching", "customer-held"]


class RequestReply(BaseModel):
    """A statement that waits for a holder's signature."""

    id: Id
    kind: int
    body: B64
    about: str
    asked_by: str
    asked_us: Micros


class PlaceReply(BaseModel):
    """Where the next statement stands."""

    number: int
    prev: B64


class RequestsReply(BaseModel):
    """All of them, the oldest first."""

    items: list[RequestReply]
    next: PlaceReply


REQUESTS: dict[str, Any] = {
    "items": [
        {
            "id": "019ac10b-2c3d-7e4f-8051-62738495a6c0",
            "kind": 2,
            "body": "oQA",
            "about": "The agent Basement and its keys belong to the organisation",
            "asked_by": "Basement",
            "asked_us": AT_US,
        }
    ],
    "next": {"number": 12, "prev": "A" * 43},
}


class StatedReply(BaseModel):
    """The newest statement's number."""

    number: int


class KeyNameReply(BaseModel):
    """A key of a camera."""

    camera: Id
    kind: KIND
    epoch: int


class PersonReply(BaseModel):
    """What somebody should hold by their rights now. `kid`, `fingerprint`: of their own key; null while they made none.
    `excess`: keys they hold and may no longer."""

    account: Id
    name: str
    public: B64 | None
    kid: Kid | None
    fingerprint: Fingerprint | None
    stated: bool
    holder: bool
    ways: int
    may_hold: bool
    missing: list[KeyNameReply]
    excess: int


class PeopleReply(BaseModel):
    """Everybody with an account."""

    items: list[PersonReply]


PEOPLE: dict[str, Any] = {
    "items": [
        {
            "account": ACCOUNT,
            "name": "Bob",
            "public": PUBLIC,
            "kid": "0f" * 16,
            "fingerprint": KEYS["root_fingerprint"],
            "stated": True,
            "holder": False,
            "ways": 1,
            "may_hold": False,
            "missing": [{"camera": CAMERA, "kind": 0, "epoch": 1}],
            "excess": 0,
        }
    ]
}


class SharedReply(BaseModel):
    """How many were taken in."""

    stored: int


class RollReply(BaseModel):
    """A camera with something to do. `epoch`: of its newest key, 0 while it has none; `known`: how many people know that
    key who may no longer, so that it is to be replaced; `rewrap`: key periods sealed to an older one."""

    camera: Id
    name: str
    kind: KIND
    epoch: int
    known: int
    rewrap: int


class RollsReply(BaseModel):
    """All of them."""

    items: list[RollReply]


ROLLS: dict[str, Any] = {
    "items": [{"camera": CAMERA, "name": "Gate", "kind": 0, "epoch": 1, "known": 1, "rewrap": 0}]
}

EnvelopeReply = type(
    "EnvelopeReply",
    (BaseModel,),
    {
        "__doc__": "A period key as it is sealed now.",
        "__annotations__": {
            "key_id": B64,
            "class": int,
            "period_start_us": Micros,
            "recipient": B64,
            "epoch": int,
            "sealed": B64,
        },
        "__module__": __name__,
    },
)


class EnvelopesReply(BaseModel):
    """Key periods to seal anew."""

    items: list[EnvelopeReply]  # type: ignore[valid-type]
    next: Next


ENVELOPES = page_example(
    {
        "key_id": "A" * 22,
        "class": 1,
        "period_start_us": AT_US,
        "recipient": "A" * 22,
        "epoch": 1,
        "sealed": "oQA",
    }
)

# Requests


class WayFields(Fields):
    """A way to open one's own key."""

    kind = serializers.ChoiceField(choices=OwnKeyWay.Kind.values)
    label = serializers.CharField(max_length=LABEL_CHARS_MAX)
    data = serializers.DictField(help_text="passkey: credential_id, salt; passphrase: salt, m_kib, t, p.")
    wrapped = serializers.CharField(max_length=120)


class OwnKeyFields(Fields):
    """One's own key."""

    public = serializers.CharField(max_length=64)
    ways = serializers.ListField(child=WayFields(), min_length=1, max_length=WAYS_MOST)


class HandoverFields(Fields):
    """The new root, and its countersignature of the offered statement."""

    root_public = serializers.CharField(max_length=64)
    countersignature = serializers.CharField(max_length=120)
    number = serializers.IntegerField(min_value=0)
    prev = serializers.CharField(max_length=64)
    issued_us = serializers.IntegerField(min_value=0)


class ShareFields(Fields):
    """A key of a camera, sealed to a person's own key (SPEC 3.2, purpose 5)."""

    camera = serializers.UUIDField()
    kind = serializers.IntegerField(min_value=0, max_value=1)
    epoch = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    sealed = serializers.CharField(max_length=12_000)


class SharesFields(Fields):
    """Several of them."""

    shares = serializers.ListField(child=ShareFields(), min_length=1, max_length=SHARES_MOST)


class SwitchFields(Fields):
    """What the browser made. `statements`: the handover, then those the new root signed."""

    vault = serializers.UUIDField()
    root_public = serializers.CharField(max_length=64)
    recipient_public = serializers.CharField(max_length=64)
    sealed = serializers.CharField(max_length=12_000)
    statements = serializers.ListField(
        child=serializers.CharField(max_length=100_000), min_length=3, max_length=STATEMENTS_MOST
    )
    shares = serializers.ListField(child=ShareFields(), max_length=SHARES_MOST, allow_empty=True)
    kit_confirmed = serializers.BooleanField(
        help_text="Two shares of the printed recovery kit were typed back."
    )


class StatementsFields(Fields):
    """Signed statements, and the requests they fulfil."""

    signed = serializers.ListField(
        child=serializers.CharField(max_length=100_000), min_length=1, max_length=STATEMENTS_MOST
    )
    requests = serializers.ListField(
        child=serializers.UUIDField(), max_length=STATEMENTS_MOST, allow_empty=True
    )


class VaultShareFields(Fields):
    """The vault secret, sealed to a person's own key (SPEC 3.2, purpose 6)."""

    sealed = serializers.CharField(max_length=12_000)


class EnvelopeFields(Fields):
    """A period key sealed anew (SPEC 3.2, purpose 1)."""

    key_id = serializers.CharField(max_length=32)
    envelope = serializers.CharField(max_length=12_000)


class EnvelopesFields(Fields):
    """Several of them."""

    items = serializers.ListField(child=EnvelopeFields(), min_length=1, max_length=ENVELOPES_MOST)
