"""Errors of keys; `vsaas.common.problems` maps them like every other."""

from django.utils.translation import gettext_lazy as _

from vsaas.common.errors import BadRequest, Conflict, Denied, VsaasError


class KmsError(VsaasError):
    """The KMS plug-in cannot wrap or open a key: nothing is signed or released until it can."""

    status = 503
    problem = "kms-unavailable"
    title = "The keys cannot be opened now"


class KeysExist(Conflict):
    """The tenant has its keys already; they are never made a second time."""

    problem = "keys-exist"


class NoTenantKeys(Conflict):
    """The tenant has no keys yet."""

    problem = "no-tenant-keys"


class HeldByCustomer(Conflict):
    """The portal has no private half of this key any more: the customer holds its successor."""

    problem = "customer-held"
    title = _("Your organisation holds its keys itself")


class NotCustomerHeld(Conflict):
    """What is asked for exists only where the customer holds the keys."""

    problem = "not-customer-held"
    title = _("The portal holds your organisation's keys")


class NotRenewable(Conflict):
    """The vault cannot be renewed now: something could be opened by nobody afterwards."""

    problem = "not-renewable"


class NotHolder(Denied):
    """Only somebody to whom the vault secret is sealed can do this."""

    problem = "not-a-holder"
    title = _("Only a holder of your organisation's keys can do this")


class StatementsMoved(Conflict):
    """The chain of statements went on since the caller looked at it."""

    problem = "changed-meanwhile"
    title = _("Somebody changed this meanwhile")


class StatementRefused(BadRequest):
    """Signed statements do not hold, or say what nobody asked for."""

    problem = "statement-refused"
    title = _("These statements were refused")


class ShareRefused(BadRequest):
    """A sealed share is malformed, or for another key or person."""

    problem = "share-refused"
    title = _("This share was refused")


class NoOwnKey(Conflict):
    """The person has no key of their own yet, or too few ways to open it."""

    problem = "no-own-key"
    title = _("There is no key of one's own yet")


class LastWay(Conflict):
    """Without this way the key could not be opened any more, or a holder would have one way alone."""

    problem = "last-way"
    title = _("This way has to stay")


class LastHolder(Conflict):
    """Without this holder nobody could open the organisation's keys."""

    problem = "last-holder"
    title = _("Somebody has to hold the keys")


class EnvelopeRefused(BadRequest):
    """An envelope is malformed, for another tenant, purpose or recipient, or contradicts a stored one."""

    problem = "wrong-envelope"


class ReleaseRefused(BadRequest):
    """Keys cannot be released to this recipient, or no longer."""

    problem = "release-refused"
