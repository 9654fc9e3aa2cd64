"""The root of the portal's error tree, and the errors this layer raises. `vsaas.common.errors` adds the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from tenants.words import Text


class VsaasError(Exception):
    """An error a person or a program is told about.

    `detail` says the cause, the object and the next step, and holds no secret. `status`, `problem` and `title` are
    what RFC 9457 problem details show; `problem` is a stable name, the last part of the problem type.
    Both are texts for people, in their language where they come from gettext; `str(error)` is for logs.
    `headers` go on the reply, `extra` into the problem document.
    """

    status: ClassVar[int] = 500
    problem: ClassVar[str] = "internal"
    title: ClassVar[Text] = _("Something went wrong here")
    refusal: ClassVar[bool] = False  # True: somebody was refused something; it is audited

    def __init__(
        self,
        detail: Text = "",
        *,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.headers: dict[str, str] = dict(headers or {})
        self.extra: dict[str, Any] = dict(extra or {})


class NotFound(VsaasError):
    """The object does not exist, or belongs to another tenant, or lies on a site this person has no part in."""

    status = 404
    problem = "not-found"
    title = _("There is no such thing here")
    refusal = True


class Denied(VsaasError):
    """The object exists in the caller's tenant, and the caller may not do this to it."""

    status = 403
    problem = "denied"
    title = _("You may not do this")
    refusal = True


class OutsideHours(Denied):
    """The caller's role lets them, and not at this time. `extra["opens_us"]`: when it does again; null: no such time is
    known."""

    problem = "outside-hours"
    title = _("This is outside your hours")


class StaleFactor(Denied):
    """What is asked for takes a second factor given a moment ago, and this session's was given longer ago."""

    problem = "stale-factor"
    title = _("Show once more that it is you")


class NotSignedIn(VsaasError):
    """Nobody is signed in, or the second factor has not been given yet."""

    status = 401
    problem = "not-signed-in"
    title = _("Sign in first")


class TokenRefused(VsaasError):
    """An access token that is malformed, unknown, revoked or expired, or whose owner is gone (RFC 6750 section 3.1)."""

    status = 401
    problem = "token-refused"
    title = _("This access token is not accepted")

    def __init__(self, detail: Text) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="vsaas", error="invalid_token"'})


class WrongOrganisation(Denied):
    """The request names another tenant than its access token belongs to. The name is not looked up."""

    problem = "wrong-organisation"
    title = _("This access token belongs to another organisation")
    refusal = False  # nobody's log: the tenant named has no part in it


class TenantScopeMissing(VsaasError):
    """Tenant data was asked for with no tenant set: a mistake in our code, never the caller's."""

    problem = "tenant-scope-missing"


class TenantScopeError(VsaasError):
    """Two tenants were mixed in one piece of work: a mistake in our code, never the caller's."""

    problem = "tenant-scope"


class UndeclaredAccess(VsaasError):
    """A view, consumer or task declares neither a permission nor why it needs none."""

    problem = "undeclared-access"
