"""Customer-held keys in the browser API. By session alone: neither one's own account nor these keys go with a token."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from protocol import b64
from sealing.ids import CameraKeyKind, fingerprint
from tenants import access
from tenants.access import Actor
from tenants.declare import Requires
from tenants.permissions import ACCOUNT_SELF, KEYS_HOLD
from tenants.scope import tenant_scope
from vsaas.accounts.models import Account
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe, query
from vsaas.common.errors import InvalidField, NotFound
from vsaas.common.fields import valid
from vsaas.keys import acts
from vsaas.keys.errors import (
    EnvelopeRefused,
    HeldByCustomer,
    LastHolder,
    LastWay,
    NoOwnKey,
    NotCustomerHeld,
    NoTenantKeys,
    NotRenewable,
    ShareRefused,
    StatementRefused,
    StatementsMoved,
)
from vsaas.keys.held import custody, requests, rolls, switch
from vsaas.keys.held.own import add_way, decoded, make_own_key, own_key_of, read_way, remove_way
from vsaas.keys.held.people import Person, people, what_opens
from vsaas.keys.held.replies import (
    CAMERAS,
    ENVELOPES,
    KEYS,
    OFFER,
    OWN,
    PEOPLE,
    PUBLIC,
    REQUESTS,
    ROLLS,
    WAY,
    CamerasToState,
    EnvelopesFields,
    EnvelopesReply,
    HandoverFields,
    HandoverReply,
    KeysReply,
    OfferReply,
    OwnKeyFields,
    OwnKeyReply,
    PeopleReply,
    RequestsReply,
    RollsReply,
    SharedReply,
    SharesFields,
    StatedReply,
    StatementsFields,
    SwitchFields,
    SwitchReply,
    VaultShareFields,
    WayFields,
    WayReply,
)
from vsaas.keys.held.shares import NewShare, kids_of, store_camera_shares, store_vault_share
from vsaas.keys.models import CameraKey, CameraShare, Envelope, OwnKey, OwnKeyWay, Vault, VaultShare
from vsaas.keys.statements import StatementPlace, next_place, root_fingerprint
from vsaas.keys.tasks import look_after_tenant

TAG = "Keys"
_NEW_WAY = {key: WAY[key] for key in ("kind", "label", "data", "wrapped")}
_SHARE = {"camera": CAMERAS["items"][0]["camera"], "kind": 0, "epoch": 1, "sealed": "oQA"}


def keys_json(actor: Actor) -> dict[str, Any]:
    """What the pages show first, and `GET keys` answers. Opens the key store where something waits in it."""
    vault = custody.vault_in_force()
    is_holder = custody.holds(actor, vault)
    with tenant_scope(actor.tenant_id, keys=True):
        left = switch.left_to_rewrap() if custody.mode_of(vault) is custody.Mode.SWITCHING else 0
        waiting = _waiting() if is_holder else dict.fromkeys(("statements", "members", "cameras", "roll"), 0)
    return {
        "tenant": str(actor.tenant_id),
        "account": str(actor.account_id),
        "mode": custody.mode_of(vault).value,
        "root_fingerprint": root_fingerprint(actor.tenant_id).hex(),
        "own": _own_json(own_key_of(actor.account_id)),
        "vault": None if vault is None else _vault_json(vault, actor if is_holder else None),
        "shares": [] if vault is None else _shares_json(actor),
        "rewrap": {"done": max(0, vault.rewrap_of - left), "of": vault.rewrap_of}
        if vault is not None and custody.mode_of(vault) is custody.Mode.SWITCHING
        else None,
        "waiting": waiting,
        "may": {"hold": actor.tenant_wide(KEYS_HOLD)},
    }


def _waiting() -> dict[str, int]:
    everybody = people()
    found = rolls.rolls(everybody)
    return {
        "statements": len(requests.open_requests()),
        "members": sum(person.waits for person in everybody),
        "cameras": len({roll.camera for roll in found if not roll.epoch}),
        "roll": sum(1 for roll in found if roll.epoch and (roll.known or roll.rewrap)),
    }


def _own_json(own: OwnKey | None) -> dict[str, Any] | None:
    if own is None:
        return None
    return {
        "public": b64.encode(bytes(own.public_key)),
        "kid": bytes(own.kid).hex(),
        "stated": own.stated_number is not None,
        "ways": [_way_json(way) for way in own.ways.all()],
    }


def _way_json(way: OwnKeyWay) -> dict[str, Any]:
    return {
        "id": str(way.pk),
        "kind": way.kind,
        "label": way.label,
        "created_us": clock.to_us(way.created_at),
        "data": way.data,
        "wrapped": b64.encode(bytes(way.wrapped)),
    }


def _vault_json(vault: Vault, holder: Actor | None) -> dict[str, Any]:
    shares = list(VaultShare.objects.filter(vault=vault).order_by("created_at", "id"))
    ids = [share.account_id for share in shares]
    names, own = (
        requests.names_of(ids),
        {key.account_id: key for key in OwnKey.objects.filter(account_id__in=ids)},
    )
    mine = next(
        (one.sealed for one in shares if holder is not None and one.account_id == holder.account_id), None
    )
    return {
        "id": str(vault.id),
        "root_public": b64.encode(bytes(vault.root_public)),
        "recipient_public": b64.encode(bytes(vault.recipient_public)),
        "created_us": clock.to_us(vault.created_at),
        "renew": vault.renew_wanted_at is not None or any(one not in names for one in ids),
        "holders": [
            {
                "account": str(one),
                "name": names.get(one, ""),
                "own_public": b64.encode(bytes(own[one].public_key)) if one in own else None,
            }
            for one in ids
        ],
        "sealed": None if mine is None else b64.encode(bytes(mine)),
    }


def _shares_json(actor: Actor) -> list[dict[str, Any]]:
    """The actor's, of keys in use that open what they may open now."""
    may = what_opens(actor, access.cameras().prefetch_related("groups"))
    in_use = {(key.camera_id, key.kind, key.epoch) for key in CameraKey.objects.filter(ended_at=None)}
    rows = CameraShare.objects.filter(account_id=actor.account_id).order_by("camera_id", "kind", "epoch")
    return [
        {
            "camera": str(row.camera_id),
            "kind": row.kind,
            "epoch": row.epoch,
            "sealed": b64.encode(bytes(row.sealed)),
        }
        for row in rows
        if (row.camera_id, row.kind) in may and (row.camera_id, row.kind, row.epoch) in in_use
    ]


class Keys(ApiView):
    """GET keys: one's own keys, and who holds the organisation's."""

    access = Requires(ACCOUNT_SELF)
    tag = TAG

    @describe("Get your keys", reply=KeysReply, example=KEYS, problems=(NoTenantKeys,))
    def get(self, request: Request) -> Response:
        """Everything in it is public, or sealed to you or to what only you can open."""
        return Response(keys_json(self.actor))


class OwnKeys(ApiView):
    """POST: makes, or replaces, one's own key."""

    access = Requires(ACCOUNT_SELF, fresh=True)
    tag = TAG

    @describe(
        "Make your own key",
        request=OwnKeyFields,
        request_example={"public": PUBLIC, "ways": [_NEW_WAY]},
        reply=OwnKeyReply,
        example=OWN | {"stated": False},
        status=201,
        problems=(LastHolder,),
    )
    def post(self, request: Request) -> Response:
        """The browser makes the pair, wraps the private half, and sends the rest. Where there is one already, it was lost: what
        was sealed to it goes."""
        fields = valid(OwnKeyFields(data=request.data))
        public = decoded(fields["public"], "public", 32)
        make_own_key(request._request, self.actor, public, [read_way(one) for one in fields["ways"]])
        return Response(_own_json(own_key_of(self.actor.account_id)), status=201)


class OwnKeyWays(ApiView):
    """POST: adds a way to open one's own key."""

    access = Requires(ACCOUNT_SELF, fresh=True)
    tag = TAG

    @describe(
        "Add a way to open your own key",
        request=WayFields,
        request_example=_NEW_WAY,
        reply=WayReply,
        example=WAY,
        status=201,
        problems=(NoOwnKey, LastWay),
    )
    def post(self, request: Request) -> Response:
        """The browser has opened the key in another way and wrapped it anew."""
        way = add_way(request._request, self.actor, read_way(valid(WayFields(data=request.data))))
        return Response(_way_json(way), status=201)


class OneOwnKeyWay(ApiView):
    """DELETE: removes a way."""

    access = Requires(ACCOUNT_SELF, fresh=True)
    tag = TAG

    @describe("Remove a way to open your own key", status=204, problems=(NoOwnKey, LastWay))
    def delete(self, request: Request, way_id: UUID) -> Response:
        """Never the last one; a holder of the organisation's keys keeps two."""
        remove_way(request._request, self.actor, way_id)
        return Response(status=204)


class Offer(ApiView):
    """GET: what the handover statement will be."""

    access = Requires(KEYS_HOLD)
    tag = TAG

    @describe(
        "Get the offer to hand over the root",
        reply=OfferReply,
        example=OFFER,
        problems=(HeldByCustomer, NoTenantKeys),
    )
    def get(self, request: Request) -> Response:
        """Number, predecessor and time of the next statement, for the new root to countersign within 15 minutes; where you
        hold the keys already, for a holder who renews the vault."""
        custody.require_right(self.actor)
        if custody.is_held():
            custody.require_holder(self.actor)
        place = next_place()
        return Response({"number": place.number, "prev": b64.encode(place.prev), "issued_us": clock.now_us()})


class Handover(ApiView):
    """POST: signs the handover, and stores nothing."""

    access = Requires(KEYS_HOLD, fresh=True)
    tag = TAG
    keeps_answers = False

    @describe(
        "Have the root hand over",
        request=HandoverFields,
        request_example=OFFER | {"root_public": PUBLIC, "countersignature": "A" * 86},
        reply=HandoverReply,
        example={"handover": "0oRDoQEnoFhA"},
        problems=(HeldByCustomer, NoOwnKey, StatementsMoved, StatementRefused, NoTenantKeys),
    )
    def post(self, request: Request) -> Response:
        """The statement by which the portal's root hands over to yours, signed. It counts once you send it with those that
        follow."""
        custody.require_right(self.actor)
        switch.require_managed(self.actor)
        fields = valid(HandoverFields(data=request.data))
        signed = switch.sign_handover(
            self.actor,
            decoded(fields["root_public"], "root_public", 32),
            decoded(fields["countersignature"], "countersignature", 64),
            StatementPlace(fields["number"], decoded(fields["prev"], "prev", 32)),
            fields["issued_us"],
        )
        return Response({"handover": b64.encode(signed)})


class HeldCameras(ApiView):
    """GET: cameras that need keys."""

    access = Requires(KEYS_HOLD)
    tag = TAG

    @describe("List cameras that need keys", reply=CamerasToState, example=CAMERAS)
    def get(self, request: Request) -> Response:
        """Those there are, and deleted ones of which recordings are kept, each with the epochs of its newest keys."""
        custody.require_right(self.actor)
        newest = rolls.newest_keys()
        with tenant_scope(self.actor.tenant_id, keys=True):
            found = switch.cameras_to_state()
        items = [
            {
                "camera": str(camera),
                "name": name,
                "epochs": [
                    key.epoch if (key := newest.get((camera, int(kind)))) else None for kind in rolls.KINDS
                ],
            }
            for camera, name in found
        ]
        return Response({"items": items})


class Held(ApiView):
    """POST: the organisation takes over its keys."""

    access = Requires(KEYS_HOLD, fresh=True)
    tag = TAG

    @describe(
        "Take over the keys",
        request=SwitchFields,
        request_example={
            "vault": KEYS["tenant"],
            "root_public": PUBLIC,
            "recipient_public": PUBLIC,
            "sealed": "oQA",
            "statements": ["0oRDoQEnoFhA", "0oRDoQEnoFhB", "0oRDoQEnoFhC"],
            "shares": [_SHARE],
            "kit_confirmed": True,
        },
        reply=SwitchReply,
        example={"mode": "switching"},
        status=202,
        problems=(
            HeldByCustomer,
            NotRenewable,
            NoOwnKey,
            StatementsMoved,
            StatementRefused,
            ShareRefused,
            NoTenantKeys,
        ),
    )
    def post(self, request: Request) -> Response:
        """From the reply on the portal signs no statement any more. It re-wraps what was recorded before, and then erases
        the last key of its own that opens recordings. Where you hold the keys already, a holder renews the vault so: the
        old root signs the handover, and every camera is stated new keys."""
        custody.require_right(self.actor)
        made = _take_over(valid(SwitchFields(data=request.data)))
        change = switch.renew if custody.is_held() else switch.take_over
        with tenant_scope(self.actor.tenant_id, keys=True):
            vault = change(request._request, self.actor, made)
        look_after_tenant.enqueue(str(self.actor.tenant_id))
        return Response({"mode": custody.mode_of(vault).value}, status=202)


def _take_over(fields: dict[str, Any]) -> switch.TakeOver:
    if not fields["kit_confirmed"]:
        raise InvalidField("kit_confirmed", _("print the recovery kit and type two of its shares back first"))
    return switch.TakeOver(
        vault=fields["vault"],
        root_public=decoded(fields["root_public"], "root_public", 32),
        recipient_public=decoded(fields["recipient_public"], "recipient_public", 32),
        sealed=decoded(fields["sealed"], "sealed"),
        statements=[decoded(one, "statements") for one in fields["statements"]],
        shares=_shares(fields["shares"]),
    )


def _shares(rows: list[dict[str, Any]]) -> list[NewShare]:
    return [
        NewShare(row["camera"], CameraKeyKind(row["kind"]), row["epoch"], decoded(row["sealed"], "sealed"))
        for row in rows
    ]


class StatementRequests(ApiView):
    """GET: statements that wait for a holder."""

    access = Requires(KEYS_HOLD)
    tag = TAG

    @describe("List statements to sign", reply=RequestsReply, example=REQUESTS, problems=(NotCustomerHeld,))
    def get(self, request: Request) -> Response:
        """What the portal needs and cannot sign: agents that were enrolled or revoked. For holders."""
        custody.require_holder(self.actor)
        place = next_place()
        items = [
            {
                "id": str(row.pk),
                "kind": row.kind,
                "body": b64.encode(bytes(row.body)),
                "about": str(requests.sentence(row)),
                "asked_by": row.asked_by,
                "asked_us": clock.to_us(row.asked_at),
            }
            for row in requests.open_requests()
        ]
        return Response({"items": items, "next": {"number": place.number, "prev": b64.encode(place.prev)}})


class SignedStatements(ApiView):
    """POST: takes in what a holder signed."""

    access = Requires(KEYS_HOLD, fresh=True)
    tag = TAG

    @describe(
        "Add signed statements",
        request=StatementsFields,
        request_example={"signed": ["0oRDoQEnoFhA"], "requests": [REQUESTS["items"][0]["id"]]},
        reply=StatedReply,
        example={"number": 12},
        problems=(NotCustomerHeld, StatementsMoved, StatementRefused),
    )
    def post(self, request: Request) -> Response:
        """Verified against the chain and taken in together. A request is fulfilled only by exactly what it asks for."""
        custody.require_holder(self.actor)
        fields = valid(StatementsFields(data=request.data))
        signed = [decoded(one, "signed") for one in fields["signed"]]
        with tenant_scope(self.actor.tenant_id, keys=True):
            taken = requests.take_statements(request._request, self.actor, signed, fields["requests"])
        return Response({"number": taken[-1].number})


class People(ApiView):
    """GET: who should hold which keys."""

    access = Requires(KEYS_HOLD)
    tag = TAG

    @describe("List people and their keys", reply=PeopleReply, example=PEOPLE, problems=(NotCustomerHeld,))
    def get(self, request: Request) -> Response:
        """What everybody should hold by their rights now, hours left aside: pictures of cameras they may watch, and the sound
        of those they may listen to. For holders."""
        vault = custody.require_holder(self.actor)
        everybody = people()
        holders = set(VaultShare.objects.filter(vault=vault).values_list("account_id", flat=True))
        grants = access.grants_of([person.account.pk for person in everybody])
        may_hold = {
            account
            for account, given in grants.items()
            if Actor(self.actor.tenant_id, account, "", given).tenant_wide(KEYS_HOLD)
        }
        return Response({"items": [_person_json(one, holders, may_hold) for one in everybody]})


def _person_json(person: Person, holders: set[UUID], may_hold: set[UUID]) -> dict[str, Any]:
    own = person.own
    return {
        "account": str(person.account.pk),
        "name": str(person.account),
        "public": None if own is None else b64.encode(bytes(own.public_key)),
        "kid": None if own is None else bytes(own.kid).hex(),
        "fingerprint": None if own is None else fingerprint(bytes(own.public_key)).hex(),
        "stated": own is not None and own.stated_number is not None,
        "holder": person.account.pk in holders,
        "ways": 0 if own is None else len(own.ways.all()),
        "may_hold": person.account.pk in may_hold,
        "missing": [{"camera": str(key[0]), "kind": key[1], "epoch": key[2]} for key in person.missing],
        "excess": len(person.excess),
    }


def _account(account_id: UUID) -> Account:
    account: Account | None = Account.objects.filter(pk=account_id, is_active=True).first()
    if account is None:
        raise NotFound(_("there is no such person in your organisation"))
    return account


def _own_key(account: Account) -> OwnKey:
    own = own_key_of(account.pk)
    if own is None:
        raise NoOwnKey(_("%(name)s has made no key of their own yet") % {"name": account})
    return own


class PersonShares(ApiView):
    """POST: gives somebody keys of cameras."""

    access = Requires(KEYS_HOLD, fresh=True)
    tag = TAG

    @describe(
        "Share keys of cameras",
        request=SharesFields,
        request_example={"shares": [_SHARE]},
        reply=SharedReply,
        example={"stored": 1},
        problems=(NotCustomerHeld, NoOwnKey, ShareRefused),
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        """Each sealed to the person's own key. Only keys of what the person may watch or listen to by their rights now."""
        account = _account(account_id)
        custody.require_holder(self.actor)
        shares = _shares(valid(SharesFields(data=request.data))["shares"])
        (person,) = people([account.pk])
        if any(share.key[:2] not in person.may for share in shares):
            raise ShareRefused(
                _("%(name)s may not open all of these cameras now: look at the page again")
                % {"name": account}
            )
        kids = kids_of(share.key for share in shares)
        count = store_camera_shares(self.actor.tenant_id, _own_key(account), shares, kids)
        names = requests.cameras_named({share.camera for share in shares})
        record_act(
            acts.CAMERA_KEYS_SHARED,
            who(self.actor),
            what(account),
            request=request._request,
            count=count,
            cameras=", ".join(sorted(names.values())),
        )
        return Response({"stored": count})


class PersonVault(ApiView):
    """POST: makes somebody a holder; DELETE: ends it."""

    access = Requires(KEYS_HOLD, fresh=True)
    tag = TAG

    @describe(
        "Make somebody a holder",
        request=VaultShareFields,
        request_example={"sealed": "oQA"},
        status=204,
        problems=(NotCustomerHeld, NoOwnKey, ShareRefused),
    )
    def post(self, request: Request, account_id: UUID) -> Response:
        """The vault secret sealed to the own key of a person who holds the right and opens that key in two ways. One who put
        the secret together from the recovery kit does this for themselves."""
        account = _account(account_id)
        custody.require_right(self.actor)
        vault = custody.vault_in_force()
        if vault is None or account.pk != self.actor.account_id:
            vault = custody.require_holder(self.actor)
        if not access.actor_of(account).tenant_wide(KEYS_HOLD):
            raise ShareRefused(
                _("%(name)s may not hold the keys: give them a role that does first") % {"name": account}
            )
        own = _own_key(account)
        if not custody.has_ways(account.pk):
            raise NoOwnKey(_("%(name)s needs a second way to open their key first") % {"name": account})
        sealed = decoded(valid(VaultShareFields(data=request.data))["sealed"], "sealed")
        before = _holder_names(vault)
        store_vault_share(self.actor.tenant_id, own, vault, sealed)
        self._record(request, acts.HOLDER_MADE, account, before, vault)
        return Response(status=204)

    @describe("End that somebody holds the keys", status=204, problems=(NotCustomerHeld, LastHolder))
    def delete(self, request: Request, account_id: UUID) -> Response:
        """Their share goes at once. They may know the secret, so the vault is to be renewed."""
        account = _account(account_id)
        vault = custody.require_holder(self.actor)
        before = _holder_names(vault)
        shares = list(VaultShare.objects.select_for_update().filter(vault=vault).order_by("id"))
        share = next((one for one in shares if one.account_id == account.pk), None)
        if share is None:
            raise NotFound(_("%(name)s does not hold the keys") % {"name": account})
        if len(shares) == 1:
            raise LastHolder(_("somebody has to hold the keys: make somebody else a holder first"))
        share.delete()
        Vault.objects.filter(pk=vault.pk).update(renew_wanted_at=clock.now())
        self._record(request, acts.HOLDER_ENDED, account, before, vault)
        return Response(status=204)

    def _record(self, request: Request, act: Any, account: Account, before: list[str], vault: Vault) -> None:
        told = {
            "before": f"holders: {', '.join(before)}",
            "after": f"holders: {', '.join(_holder_names(vault))}",
        }
        record_act(act, who(self.actor), what(account), request=request._request, **told)


def _holder_names(vault: Vault) -> list[str]:
    ids = list(VaultShare.objects.filter(vault=vault).values_list("account_id", flat=True))
    return sorted(requests.names_of(ids).values())


class Rolls(ApiView):
    """GET: keys of cameras to change."""

    access = Requires(KEYS_HOLD)
    tag = TAG

    @describe("List keys of cameras to change", reply=RollsReply, example=ROLLS, problems=(NotCustomerHeld,))
    def get(self, request: Request) -> Response:
        """Cameras without a key, with one that somebody knows who may no longer, or with recordings sealed to an older one.
        For holders."""
        custody.require_holder(self.actor)
        with tenant_scope(self.actor.tenant_id, keys=True):
            found = rolls.rolls(people())
        items = [
            {
                "camera": str(roll.camera),
                "name": roll.name,
                "kind": int(roll.kind),
                "epoch": roll.epoch,
                "known": roll.known,
                "rewrap": roll.rewrap,
            }
            for roll in found
        ]
        return Response({"items": items})


ENVELOPES_QUERY = (
    query(
        "camera",
        "Whose.",
        schema={"type": "string", "format": "uuid"},
        required=True,
        example=_SHARE["camera"],
    ),
    query(
        "kind",
        "0 picture, 1 sound.",
        schema={"type": "integer", "minimum": 0, "maximum": 1},
        required=True,
        example=0,
    ),
    query(
        "below_epoch",
        "Sealed to older keys than this.",
        schema={"type": "integer", "minimum": 1},
        required=True,
        example=2,
    ),
    query("cursor", "`next` of the page before.", schema={"type": "string", "format": "uuid"}),
)


class Envelopes(ApiView):
    """GET, POST: re-wrapping in a holder's browser. No fresh factor: it gives nobody anything, and takes long."""

    access = Requires(KEYS_HOLD)
    tag = TAG

    @describe(
        "List key periods to seal anew",
        query=ENVELOPES_QUERY,
        reply=EnvelopesReply,
        example=ENVELOPES,
        problems=(NotCustomerHeld,),
    )
    def get(self, request: Request) -> Response:
        """500 at once, each sealed to an older key of the camera, or to the vault's recipient. For holders."""
        custody.require_holder(self.actor)
        asked = request.query_params
        camera, after = _uuid(asked.get("camera"), "camera"), asked.get("cursor")
        if not access.cameras().filter(id=camera).exists():
            raise NotFound(_("there is no such camera in your organisation"))
        with tenant_scope(self.actor.tenant_id, keys=True):
            rows = rolls.envelopes_to_rewrap(
                camera,
                CameraKeyKind(_number(asked.get("kind"), "kind", 1)),
                _number(asked.get("below_epoch"), "below_epoch", 2**31 - 1),
                None if after is None else _uuid(after, "cursor"),
            )
        more = str(rows[-1].pk) if len(rows) == rolls.AT_ONCE else None
        return Response({"items": [_envelope_json(row) for row in rows], "next": more})

    @describe(
        "Replace key periods sealed anew",
        request=EnvelopesFields,
        request_example={"items": [{"key_id": "A" * 22, "envelope": "oQA"}]},
        reply=SharedReply,
        example={"stored": 1},
        problems=(NotCustomerHeld, EnvelopeRefused),
    )
    def post(self, request: Request) -> Response:
        """Each sealed to the newest key of its camera; the older envelopes of these keys are destroyed with it. What was
        deleted meanwhile stays deleted."""
        custody.require_holder(self.actor)
        rows = valid(EnvelopesFields(data=request.data))["items"]
        sealed = [decoded(row["envelope"], "envelope") for row in rows]
        with tenant_scope(self.actor.tenant_id, keys=True):
            count = rolls.take_envelopes(request._request, self.actor, sealed)
        return Response({"stored": count})


def _envelope_json(row: Envelope) -> dict[str, Any]:
    return {
        "key_id": b64.encode(bytes(row.key_id)),
        "class": row.rendition_class,
        "period_start_us": row.period_start_us,
        "recipient": b64.encode(bytes(row.recipient_id)),
        "epoch": row.recipient_epoch,
        "sealed": b64.encode(bytes(row.sealed or b"")),
    }


def _uuid(text: str | None, field: str) -> UUID:
    try:
        return UUID(text or "")
    except ValueError:
        raise InvalidField(field, _("write an id")) from None


def _number(text: str | None, field: str, most: int) -> int:
    if text is None or not (text.isascii() and text.isdecimal()) or len(text) > 10 or int(text) > most:
        raise InvalidField(field, _("write a whole number"))
    return int(text)
