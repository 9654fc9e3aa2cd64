"""Errors of keys; `vsaas.common.problems` maps them like every other."""

from vsaas.common.errors import BadRequest, Conflict, VsaasError


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


class EnvelopeRefused(BadRequest):
    """An envelope is malformed, for another tenant, purpose or recipient, or contradicts a stored one."""

    problem = "wrong-envelope"


class ReleaseRefused(BadRequest):
    """Keys cannot be released to this recipient, or no longer."""

    problem = "release-refused"
