"""Moving an organisation from managed to customer-held keys. Needs the tenant's scope, key store included where said.

The root hands over to one made from the vault secret, and the portal's private half of it is erased in the same
transaction. What was recorded before is re-wrapped to keys of cameras; then the portal's recipient key is erased too.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from sealing.errors import SealingError
from sealing.ids import EnvelopePurpose, RecipientKind, box_kid, camera_key_kind, fingerprint
from sealing.keys import EnvelopeInfo, RecScope, open_envelope, seal_envelope
from sealing.statement import CameraKeys, MemberKeys, Recipient, Recipients, RootHandover, Statement
from tenants import access
from tenants.access import Actor
from tenants.models import Tenant
from vsaas.audit.services import record_act, system, what, who
from vsaas.common import clock
from vsaas.keys import acts
from vsaas.keys.envelopes import alone_with_envelopes, replace_envelopes
from vsaas.keys.errors import HeldByCustomer, NoOwnKey, NotRenewable, StatementRefused, StatementsMoved
from vsaas.keys.held.custody import WAYS_LEAST, Mode, has_ways, mode_of, require_holder, vault_in_force
from vsaas.keys.held.own import own_key_of
from vsaas.keys.held.requests import check_follows, extended, follow, names_of
from vsaas.keys.held.rolls import KINDS, newest_keys
from vsaas.keys.held.shares import KeyName, NewShare, kids_of, store_camera_shares, store_vault_share
from vsaas.keys.models import Envelope, KeyPurpose, TenantKey, Vault
from vsaas.keys.statements import (
    StatementPlace,
    next_place,
    one_at_a_time,
    root_fingerprint,
    sign_next,
    store_signed,
    verified_trust,
)
from vsaas.keys.tenant_keys import erase_private, open_private

logger = logging.getLogger(__name__)

REWRAP_AT_ONCE = 200
OFFER_S = 900
"""So long after it was offered a handover may be signed."""


@dataclass(frozen=True)
class TakeOver:
    """What the browser made. `statements`: the handover the portal signed, then those the new root signed."""

    vault: UUID
    root_public: bytes
    recipient_public: bytes
    sealed: bytes
    statements: Sequence[bytes]
    shares: Sequence[NewShare]


def cameras_to_state() -> list[tuple[UUID, str]]:
    """Every camera that needs keys: those there are, and deleted ones of which something is kept. Needs the key store."""
    kept = set(Envelope.objects.filter(destroyed_at=None).values_list("camera_id", flat=True).distinct())
    rows = access.cameras().order_by("name", "id")
    return [(camera.id, camera.name) for camera in rows if camera.deleted_at is None or camera.id in kept]


def require_managed(actor: Actor) -> None:
    """Raises HeldByCustomer, or NoOwnKey when the actor could not open what they are about to hold."""
    if vault_in_force() is not None:
        raise HeldByCustomer(_("the organisation holds its keys already"))
    if not has_ways(actor.account_id):
        raise NoOwnKey(
            _("make a key of your own with %(count)s ways to open it first, on the page My keys")
            % {"count": WAYS_LEAST}
        )


def sign_handover(
    actor: Actor, root_public: bytes, countersignature: bytes, place: StatementPlace, issued_us: int
) -> bytes:
    """The statement by which the portal's root hands over, signed and stored nowhere. Raises StatementsMoved when this is
    not where the chain ends, or the offer is old; StatementRefused when the new root did not countersign."""
    one_at_a_time(actor.tenant_id)
    if place != next_place() or not 0 <= clock.now_us() - issued_us <= OFFER_S * 1_000_000:
        raise StatementsMoved(_("this offer is over: begin the switch again"))
    signed = sign_next(actor.tenant_id, RootHandover(root_public, countersignature), place, issued_us)
    extended(verified_trust(actor.tenant_id), [signed])
    return signed


def take_over(request: HttpRequest, actor: Actor, made: TakeOver) -> Vault:
    """The switch itself: the statements are verified from number 0 on and stored, the portal's root is erased. Needs the key
    store. Raises HeldByCustomer, NoOwnKey, StatementsMoved, StatementRefused or ShareRefused."""
    one_at_a_time(actor.tenant_id)
    require_managed(actor)
    before = root_fingerprint(actor.tenant_id)
    vault = _hand_over(request, actor, made, of_portal=True)
    erase_private(KeyPurpose.ROOT)
    record_act(
        acts.TAKEN_OVER,
        who(actor),
        what(Tenant.objects.get()),
        request=request,
        fingerprint=fingerprint(made.root_public).hex(),
        cameras=len({share.camera for share in made.shares}),
        envelopes=vault.rewrap_of,
        before=f"keys: managed; root: {before.hex()}",
        after=f"keys: customer-held; root: {fingerprint(made.root_public).hex()}",
    )
    return vault


def renew(request: HttpRequest, actor: Actor, made: TakeOver) -> Vault:
    """Another vault secret in the place of the one somebody knows who holds it no more: the old root hands over to the new
    one, and every camera has new keys. The caller alone holds the new secret, and makes the others holders again; what is
    sealed to older keys is sealed anew by rolls, with the caller's shares of these. Needs the key store.

    Raises Denied, NotHolder, NotRenewable, and what `take_over` raises.
    """
    one_at_a_time(actor.tenant_id)
    old = require_holder(actor)
    if mode_of(old) is not Mode.HELD:
        raise NotRenewable(_("the switch is still under way: renew the vault once it has ended"))
    if Envelope.objects.filter(recipient_id=old.recipient_kid, destroyed_at=None).exists():
        raise NotRenewable(
            _(
                "recordings are sealed to the vault alone: give every camera a key and have them sealed to it first"
            )
        )
    before = root_fingerprint(actor.tenant_id)
    held_by = names_of(old.shares.values_list("account_id", flat=True))
    Vault.objects.filter(pk=old.pk, retired_at=None).update(retired_at=clock.now())
    vault = _hand_over(request, actor, made, of_portal=False)
    record_act(
        acts.VAULT_RENEWED,
        who(actor),
        what(Tenant.objects.get()),
        request=request,
        fingerprint=fingerprint(made.root_public).hex(),
        before=f"root: {before.hex()}; holders: {', '.join(sorted(held_by.values()))}",
        after=f"root: {fingerprint(made.root_public).hex()}; holders: {actor.name}",
    )
    return vault


def _hand_over(request: HttpRequest, actor: Actor, made: TakeOver, *, of_portal: bool) -> Vault:
    """Verifies and stores the statements, the vault, and what the actor is given of it. `of_portal`: the root before was the
    portal's, which has something to re-wrap."""
    own = own_key_of(actor.account_id)
    assert own is not None  # whoever may begin has one
    check_follows(made.statements)
    trust = extended(verified_trust(actor.tenant_id), made.statements)
    if trust.recipients != (Recipient(RecipientKind.TENANT, made.recipient_public, 1),):
        raise StatementRefused(_("the statements name another recipient than the request"))
    if trust.root_public != made.root_public:
        raise StatementRefused(_("the statements name another root than the request"))
    if trust.member_keys.get(own.account_id) != bytes(own.public_key):
        raise StatementRefused(_("the statements do not name your own key"))
    statements = store_signed(made.statements)
    _check_bodies(statements)
    vault = _store_vault(made, of_portal=of_portal)
    follow(request, actor, [one for one in statements if not isinstance(one.body, RootHandover | Recipients)])
    stated = {
        (key.camera, int(key.what), key.epoch)
        for one in statements
        if isinstance(one.body, CameraKeys)
        for key in one.body.keys
    }
    _check_complete(stated, made.shares)
    store_vault_share(actor.tenant_id, own, vault, made.sealed)
    store_camera_shares(actor.tenant_id, own, made.shares, kids_of(share.key for share in made.shares))
    return vault


def _check_bodies(statements: Sequence[Statement]) -> None:
    kinds = [type(one.body) for one in statements]
    if kinds[:1] != [RootHandover] or kinds.count(RootHandover) != 1 or kinds.count(Recipients) != 1:
        raise StatementRefused(_("a switch is one handover, and one statement of the new recipient"))
    if any(kind not in (RootHandover, Recipients, MemberKeys, CameraKeys) for kind in kinds):
        raise StatementRefused(
            _("a switch states a root, a recipient, people's keys and keys of cameras only")
        )


def _check_complete(stated: Collection[KeyName], shares: Sequence[NewShare]) -> None:
    """Every camera is stated keys of both kinds now, and who takes over holds each of them."""
    opens = {key[:2] for key in stated}
    if any((camera, int(kind)) not in opens for camera, _name in cameras_to_state() for kind in KINDS):
        raise StatementsMoved(_("a camera was added meanwhile: begin again"))
    if {share.key for share in shares} != set(stated):
        raise StatementRefused(_("the shares are not those of every camera's key"))


def _store_vault(made: TakeOver, *, of_portal: bool) -> Vault:
    vault: Vault = Vault.objects.create(
        id=made.vault,
        root_public=made.root_public,
        recipient_public=made.recipient_public,
        recipient_kid=box_kid(made.recipient_public),
        rewrap_of=left_to_rewrap() if of_portal else 0,
        created_at=clock.now(),
        completed_at=None if of_portal else clock.now(),
    )
    return vault


def left_to_rewrap() -> int:
    """How many key periods are still sealed to the portal's own recipient. Needs the key store."""
    return _portals_own().count()


def _portals_own() -> QuerySet[Envelope]:
    kids = [bytes(key.kid) for key in TenantKey.objects.filter(purpose=KeyPurpose.RECIPIENT)]
    return Envelope.objects.filter(recipient_id__in=kids, destroyed_at=None)


def rewrap_some(tenant_id: UUID) -> bool:
    """Re-wraps the next key periods from the portal's recipient to keys of cameras, or ends the switch when none is left.
    Returns whether there is more to do. Repeatable at any point. Needs the key store. Raises KmsError."""
    vault = vault_in_force()
    if vault is None or mode_of(vault) is not Mode.SWITCHING:
        return False
    rows = list(_portals_own().order_by("id")[:REWRAP_AT_ONCE])
    if not rows:
        _erase_recipient(tenant_id, vault)
        return False
    newest = newest_keys()
    boxes = {
        bytes(key.kid): open_private(key) for key in TenantKey.objects.filter(purpose=KeyPurpose.RECIPIENT)
    }
    fresh, unreadable = [], []
    for row in rows:
        to = newest.get((row.camera_id, int(camera_key_kind(row.rendition_class))))
        public = bytes(vault.recipient_public) if to is None else bytes(to.public_key)
        sealed = _resealed(
            tenant_id, row, boxes[bytes(row.recipient_id)], public, 1 if to is None else to.epoch
        )
        if sealed is None:
            unreadable.append(row.pk)
        else:
            fresh.append(sealed)
    replace_envelopes(tenant_id, fresh)
    # Nobody could ever open these; kept, they would hold the switch up for ever.
    Envelope.objects.filter(pk__in=unreadable, destroyed_at=None).update(
        sealed=None, destroyed_at=clock.now()
    )
    return True


def _resealed(tenant_id: UUID, row: Envelope, private: bytes, public: bytes, epoch: int) -> bytes | None:
    """The envelope sealed anew; None when it does not open with the key it names."""
    scope = RecScope(row.camera_id, row.rendition_class, row.period_start_us)
    key_id, recipient = bytes(row.key_id), bytes(row.recipient_id)
    expected = EnvelopeInfo(EnvelopePurpose.REC, tenant_id, scope, key_id, recipient, row.recipient_epoch)
    try:
        secret = open_envelope(bytes(row.sealed), expected, private)
    except SealingError as error:
        logger.warning(
            "envelope of key %s does not open and is not re-wrapped (%s)", key_id.hex(), error.name
        )
        return None
    info = EnvelopeInfo(EnvelopePurpose.REC, tenant_id, scope, key_id, box_kid(public), epoch)
    return seal_envelope(info, secret, public)


def _erase_recipient(tenant_id: UUID, vault: Vault) -> None:
    """The portal's last private half that opens footage goes. Whoever was in the midst of storing an envelope to it has
    ended, and nobody can begin: since the handover it is no address any more."""
    alone_with_envelopes(tenant_id)
    if left_to_rewrap():
        return
    done = Vault.objects.filter(pk=vault.pk, completed_at=None).update(completed_at=clock.now())
    if not done:
        return
    erase_private(KeyPurpose.RECIPIENT)
    record_act(
        acts.PORTAL_KEY_ERASED,
        system(gettext_noop("key maker")),
        what(Tenant.objects.get()),
        envelopes=vault.rewrap_of,
        before="portal's key to recordings: there",
        after="portal's key to recordings: erased",
    )
