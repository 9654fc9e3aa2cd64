"""People's own keys: the public half, and the ways in which they open the private one. Needs the tenant's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from protocol import b64
from protocol.errors import ProtocolError
from sealing.ids import box_kid, fingerprint
from tenants.access import Actor
from vsaas.accounts.models import Account
from vsaas.audit.services import record_act, who
from vsaas.common import clock
from vsaas.common.errors import InvalidField, NotFound
from vsaas.keys import acts
from vsaas.keys.errors import LastHolder, LastWay, NoOwnKey
from vsaas.keys.held.custody import WAYS_LEAST, vault_in_force
from vsaas.keys.models import CameraShare, OwnKey, OwnKeyWay, VaultShare

WAYS_MOST = 10
LABEL_CHARS_MAX = 80
WRAPPED_BYTES = 12 + 32 + 16
"""Nonce, private half, tag."""
ARGON2 = {"m_kib": 65536, "t": 3, "p": 1}
CREDENTIAL_BYTES_MAX = 1023


@dataclass(frozen=True, slots=True)
class NewWay:
    """A way as a browser made it. `data`: what it needs to make the wrapping key again."""

    kind: str
    label: str
    data: dict[str, Any]
    wrapped: bytes


def own_key_of(account_id: UUID) -> OwnKey | None:
    """With its ways; None while the person made none."""
    found: OwnKey | None = OwnKey.objects.filter(account_id=account_id).prefetch_related("ways").first()
    return found


def read_way(value: dict[str, Any]) -> NewWay:
    """A way of a request whose fields are of the right types. Raises InvalidField."""
    data = value["data"]
    reader = {OwnKeyWay.Kind.PASSKEY: _passkey_data, OwnKeyWay.Kind.PASSPHRASE: _passphrase_data}[
        value["kind"]
    ]
    return NewWay(
        value["kind"], value["label"], reader(data), decoded(value["wrapped"], "wrapped", WRAPPED_BYTES)
    )


def decoded(text: Any, field: str, length: int | None = None) -> bytes:
    """base64url of a field. Raises InvalidField."""
    try:
        return b64.decode(text, length=length, what=field)
    except ProtocolError as error:
        raise InvalidField(field, error.detail) from None


def _passkey_data(data: dict[str, Any]) -> dict[str, Any]:
    if data.keys() != {"credential_id", "salt"}:
        raise InvalidField("data", _("a passkey's way has credential_id and salt"))
    if not 1 <= len(decoded(data["credential_id"], "credential_id")) <= CREDENTIAL_BYTES_MAX:
        raise InvalidField("credential_id", _("write the id of the passkey"))
    decoded(data["salt"], "salt", 32)
    return dict(data)


def _passphrase_data(data: dict[str, Any]) -> dict[str, Any]:
    """Argon2id with the parameters of this format and no weaker ones."""
    if data.keys() != {"salt", *ARGON2} or any(data[name] != value for name, value in ARGON2.items()):
        raise InvalidField("data", _("a passphrase's way has salt, and m_kib 65536, t 3, p 1 of Argon2id"))
    decoded(data["salt"], "salt", 16)
    return dict(data)


def make_own_key(request: HttpRequest, actor: Actor, public: bytes, ways: Sequence[NewWay]) -> OwnKey:
    """Makes the actor's own key, or replaces it when it was lost: what was sealed to the one before goes with it.

    Raises LastHolder when nobody else holds the vault secret, which would be lost with it.
    """
    Account.objects.select_for_update().get(pk=actor.account_id)
    before = OwnKey.objects.filter(account_id=actor.account_id).first()
    if before is not None:
        _let_go(actor.account_id, before)
    own = OwnKey.objects.create(
        account_id=actor.account_id, public_key=public, kid=box_kid(public), created_at=clock.now()
    )
    for way in ways:
        _store_way(own, way)
    shown = fingerprint(public).hex()
    if before is None:
        record_act(acts.OWN_KEY_MADE, who(actor), request=request, fingerprint=shown)
    else:
        was = fingerprint(bytes(before.public_key)).hex()
        told = {"before": f"fingerprint: {was}", "after": f"fingerprint: {shown}"}
        record_act(acts.OWN_KEY_REPLACED, who(actor), request=request, fingerprint=shown, **told)
    return own


def _let_go(account_id: UUID, before: OwnKey) -> None:
    vault = vault_in_force()
    if vault is not None:
        shares = VaultShare.objects.select_for_update().filter(vault=vault)
        holders = {share.account_id for share in shares.order_by("id")}
        if holders == {account_id}:
            raise LastHolder(
                _(
                    "you are the only holder: make somebody else one first, or use the recovery kit in their browser"
                )
            )
    VaultShare.objects.filter(account_id=account_id).delete()
    CameraShare.objects.filter(account_id=account_id).delete()
    OwnKey.objects.filter(pk=before.pk).delete()


def add_way(request: HttpRequest, actor: Actor, way: NewWay) -> OwnKeyWay:
    """Another way to open the key one has. Raises NoOwnKey, or LastWay when there are too many."""
    own = _locked(actor)
    if own.ways.count() >= WAYS_MOST:
        raise LastWay(_("%(count)s ways are enough: remove one first") % {"count": WAYS_MOST})
    row = _store_way(own, way)
    record_act(acts.WAY_ADDED, who(actor), request=request, label=way.label, kind=way.kind)
    return row


def remove_way(request: HttpRequest, actor: Actor, way_id: UUID) -> None:
    """Raises NotFound, or LastWay when the key could not be opened any more, by a holder in two ways at least."""
    own = _locked(actor)
    row = own.ways.filter(pk=way_id).first()
    if row is None:
        raise NotFound(_("there is no such way to open your key; it was removed already"))
    vault = vault_in_force()
    is_holder = (
        VaultShare.objects.filter(vault=vault, account_id=actor.account_id).exists() if vault else False
    )
    if own.ways.count() <= (WAYS_LEAST if is_holder else 1):
        raise LastWay(
            _("a holder keeps two ways: add another one first")
            if is_holder
            else _("it is the only way to open your key: add another one first")
        )
    row.delete()
    record_act(acts.WAY_REMOVED, who(actor), request=request, label=row.label, kind=row.kind)


def _locked(actor: Actor) -> OwnKey:
    """One's own key, its ways changed by nobody else meanwhile."""
    own: OwnKey | None = OwnKey.objects.select_for_update().filter(account_id=actor.account_id).first()
    if own is None:
        raise NoOwnKey(_("make a key of your own first, on the page My keys"))
    return own


def _store_way(own: OwnKey, way: NewWay) -> OwnKeyWay:
    row: OwnKeyWay = OwnKeyWay.objects.create(
        own_key=own,
        kind=way.kind,
        label=way.label,
        data=way.data,
        wrapped=way.wrapped,
        created_at=clock.now(),
    )
    return row
