"""The one error tree of the cloud. `vsaas.common.problems` maps it to HTTP; nothing else builds an error reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from tenants.errors import (
    Denied,
    NotFound,
    NotSignedIn,
    TenantScopeError,
    TenantScopeMissing,
    TokenRefused,
    UndeclaredAccess,
    VsaasError,
    WrongOrganisation,
)
from tenants.words import Text

__all__ = [
    "BadRequest",
    "Conflict",
    "Denied",
    "FormExpired",
    "Gone",
    "InvalidFields",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "NotSignedIn",
    "ObjectStoreError",
    "SignatureRefused",
    "StaleNonce",
    "TenantScopeError",
    "TenantScopeMissing",
    "TokenRefused",
    "TooLarge",
    "TooMany",
    "Unavailable",
    "UndeclaredAccess",
    "UnsupportedMedia",
    "VsaasError",
    "WrongOrganisation",
]


class BadRequest(VsaasError):
    """The request cannot be understood."""

    status = 400
    problem = "bad-request"
    title = _("The request cannot be understood")


class InvalidFields(BadRequest):
    """Named fields are wrong. `extra={"errors": [{"field", "message"}]}`."""

    status = 422
    problem = "invalid-fields"
    title = _("Some fields are wrong")


class InvalidField(InvalidFields):
    """One named field is wrong. `words`: how fields are called in the sentence, where their names would not say it."""

    words: ClassVar[Mapping[str, Text]] = {}

    def __init__(self, field: str, message: Text) -> None:
        super().__init__(
            f"{self.words.get(field, field)}: {message}",
            extra={"errors": [{"field": field, "message": str(message)}]},
        )
        self.field, self.message = field, str(message)


class SignatureRefused(VsaasError):
    """A request signature is missing or does not verify."""

    status = 401
    problem = "signature-refused"
    title = _("The request's signature was refused")
    refusal = True


class NotEncrypted(VsaasError):
    """A request over plain HTTP to a name that is not this machine's own."""

    status = 403
    problem = "not-encrypted"
    title = _("This connection is not encrypted")


class StaleNonce(VsaasError):
    """The nonce of a signed request is unknown, used or too old; the reply carries a fresh one."""

    status = 401
    problem = "stale-nonce"
    title = _("Sign again with the fresh nonce")


class FormExpired(VsaasError):
    """A form or script request came without its CSRF token, or with an old one."""

    status = 403
    problem = "form-expired"
    title = _("This page has expired")


class MethodNotAllowed(VsaasError):
    """The route does not take this method."""

    status = 405
    problem = "method-not-allowed"
    title = _("This route does not take that method")


class NotAcceptable(VsaasError):
    """The route cannot answer in the form asked for."""

    status = 406
    problem = "not-acceptable"
    title = _("This route cannot answer in that form")


class Conflict(VsaasError):
    """The request contradicts what is stored."""

    status = 409
    problem = "conflict"
    title = _("This contradicts what is stored")


class Gone(VsaasError):
    """It existed, and was used up, expired or deleted."""

    status = 410
    problem = "gone"
    title = _("This no longer exists")


class TooLarge(VsaasError):
    """The body is larger than this route takes."""

    status = 413
    problem = "too-large"
    title = _("The request is too large")


class UnsupportedMedia(VsaasError):
    """The body is of a type this route does not take."""

    status = 415
    problem = "unsupported-media-type"
    title = _("This content type is not taken here")


class TooMany(VsaasError):
    """Too many attempts. Says when to come back."""

    status = 429
    problem = "too-many"
    title = _("Too many attempts")

    def __init__(self, detail: Text = "", *, retry_after_s: int) -> None:
        super().__init__(
            detail
            or ngettext(
                "too many attempts; try again in %(count)d second",
                "too many attempts; try again in %(count)d seconds",
                retry_after_s,
            )
            % {"count": retry_after_s},
            headers={"Retry-After": str(retry_after_s)},
            extra={"retry_after_s": retry_after_s},
        )


class Unavailable(VsaasError):
    """A part of the system (object store, PostgreSQL, Redis) did not answer; trying again is right."""

    status = 503
    problem = "unavailable"
    title = _("A part of the system does not answer")


class ObjectStoreError(Unavailable):
    """The object store did not answer, or refused."""

    problem = "object-store"
    title = _("The object store did not answer")
