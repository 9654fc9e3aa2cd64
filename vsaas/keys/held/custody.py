"""Who holds an organisation's keys: the portal, or people to whom a vault secret is sealed. Needs the tenant's scope."""

from collections.abc import Callable
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.access import Actor
from tenants.models import Tenant
from tenants.permissions import KEYS_HOLD
from tenants.scope import current_tenant_id, in_tenant_scope
from tenants.words import Text
from vsaas.accounts.models import Account
from vsaas.keys.errors import LastHolder, NotCustomerHeld, NotHolder
from vsaas.keys.models import OwnKey, Vault, VaultShare

WAYS_LEAST = 2
"""In how many ways a holder can open their own key at least."""


class Mode(StrEnum):
    """Switching: the customer holds the root already, and the portal still re-wraps what was recorded before."""

    MANAGED = "managed"
    SWITCHING = "switching"
    HELD = "customer-held"


def vault_in_force() -> Vault | None:
    """None while the portal holds the keys."""
    vault: Vault | None = Vault.objects.filter(retired_at=None).first()
    return vault


def mode_of(vault: Vault | None) -> Mode:
    """The mode that this vault in force, or none, means."""
    if vault is None:
        return Mode.MANAGED
    return Mode.SWITCHING if vault.completed_at is None else Mode.HELD


def is_held() -> bool:
    """Whether the customer holds the root, that is, whether what is recorded now is sealed to keys of cameras. One query."""
    exists: bool = Vault.objects.filter(retired_at=None).exists()
    return exists


def require_right(actor: Actor) -> None:
    """Raises Denied for whom the right to hold the keys is not given over the whole organisation."""
    access.require(actor, KEYS_HOLD, Tenant.objects.get())


def holds(actor: Actor, vault: Vault | None) -> bool:
    """Whether the vault secret is sealed to the actor, who may hold it."""
    if vault is None or not actor.tenant_wide(KEYS_HOLD):
        return False
    share: bool = VaultShare.objects.filter(vault=vault, account_id=actor.account_id).exists()
    return share


def require_holder(actor: Actor) -> Vault:
    """The vault in force, for one of its holders. Raises Denied, NotCustomerHeld or NotHolder."""
    require_right(actor)
    vault = vault_in_force()
    if vault is None:
        raise NotCustomerHeld(
            _("the portal holds the keys: move the organisation to customer-held keys on the page Keys first")
        )
    if not holds(actor, vault):
        raise NotHolder(
            _("the vault secret is not sealed to you: have a holder make you one, or use the recovery kit")
        )
    return vault


def keep_a_holder(sender: object, instance: Account, **kwargs: object) -> None:
    """Django's signal before an account is deleted. Raises LastHolder for the only one who holds the keys in force."""
    if not in_tenant_scope():
        return  # an operator's command on the whole database
    vault = vault_in_force()
    holders = set() if vault is None else set(vault.shares.values_list("account_id", flat=True))
    if holders == {instance.pk}:
        raise LastHolder(
            _("%(name)s is the only holder of the organisation's keys: make somebody else a holder first")
            % {"name": instance}
        )


def keeps_holders() -> Callable[[], None]:
    """For `vsaas.approvals.standing`: of those who hold the keys in force, one must be left whose roles let them."""
    before = _able_holders()

    def still() -> None:
        if before and not _able_holders():
            raise LastHolder(
                _(
                    "nobody would be left who holds the organisation's keys and may: make somebody else a holder first"
                )
            )

    return still


def _able_holders() -> set[UUID]:
    vault = vault_in_force()
    holders = set() if vault is None else set(vault.shares.values_list("account_id", flat=True))
    tenant_id = current_tenant_id()
    grants = access.grants_of(holders) if holders else {}
    return {one for one, held in grants.items() if Actor(tenant_id, one, "", held).tenant_wide(KEYS_HOLD)}


def hours_note() -> Text | None:
    """What the page with a role's hours says besides, where the customer holds the keys."""
    if not is_held():
        return None
    return _(
        "Your organisation holds its keys itself, so recordings are given out by whole hours (of UTC): of an hour that "
        "these hours do not cover completely, nothing is shown."
    )


def has_ways(account_id: UUID) -> bool:
    """Whether somebody can open their own key in as many ways as a holder needs."""
    own = OwnKey.objects.filter(account_id=account_id).first()
    return own is not None and own.ways.count() >= WAYS_LEAST
