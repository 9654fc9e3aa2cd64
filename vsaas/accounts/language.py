"""Which language a request is answered in, and where people choose it.

The account's own choice comes first, then the browser's cookie, then what the browser says (Accept-Language), then English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.http import require_POST

from tenants.declare import public
from vsaas.accounts.models import Account
from vsaas.common.links import tenant_url

COOKIE = settings.LANGUAGE_COOKIE_NAME
COOKIE_AGE_S = 365 * 24 * 3600
AGENT_PREFIX = "/agent/"


class LanguageMiddleware:
    """Runs view and rendering in the request's language, and says on the reply which that was.

    Stands inside the middleware that knows who asks. Agents write what they are told into their logs, which are English.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(AGENT_PREFIX):
            with translation.override(settings.LANGUAGE_CODE):
                return self.get_response(request)
        language = language_of(request)
        with translation.override(language):
            response = self.get_response(request)
        if "Content-Language" in response.headers:
            return response  # the same in every language
        response.headers["Content-Language"] = language
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


def language_of(request: HttpRequest) -> str:
    """The code of the language a request is answered in: always one of LANGUAGES."""
    for code in _wishes(request):
        try:
            return translation.get_supported_language_variant(code)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def _wishes(request: HttpRequest) -> Iterator[str]:
    """What was wished for, the strongest first; it may be no language at all."""
    account = _of_account(request) or ""
    # With a token no cookie is looked at.
    cookie = "" if "Authorization" in request.headers else request.COOKIES.get(COOKIE, "")
    # Who has given no more than a password changes no account: the choice they make is the cookie's.
    yield from (cookie, account) if request.actor is None else (account, cookie)  # type: ignore[attr-defined]
    for code, _weight in parse_accept_lang_header(request.headers.get("Accept-Language", "").lower()):
        if code == "*":
            return
        yield code


def _of_account(request: HttpRequest) -> str | None:
    """The choice of the account a request comes from, also while its second factor is still owed."""
    if request.tenant is None:  # type: ignore[attr-defined]
        return None
    if request.token_id is not None and request.actor is None:  # type: ignore[attr-defined]
        return None  # a token that is refused stands for nobody
    chosen: str | None = getattr(request.user, "language", None)
    return chosen


def is_offered(code: str) -> bool:
    """Whether the portal speaks this language."""
    return code in dict(settings.LANGUAGES)


def choose_for(account: Account, code: str | None) -> None:
    """Keep the language of an account; None: as the browser says. The caller has checked that it is offered."""
    account.language = code
    account.save(update_fields=["language"])


def keep_in_browser(response: HttpResponse, code: str | None) -> None:
    """Have the browser keep the choice for pages before sign-in; None: forget it. As the theme's cookie is kept."""
    if code is None:
        response.delete_cookie(COOKIE, samesite="Lax")
        return
    response.set_cookie(
        COOKIE, code, max_age=COOKIE_AGE_S, samesite="Lax", secure=not settings.ENV.insecure_cookies
    )


@public(
    "choosing the language of the pages: kept in the browser, and for who is signed in also in their account"
)
@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """`language`: a code of LANGUAGES, anything else changes nothing. Goes back to the page it was chosen on."""
    code = request.POST.get("language", "")
    response = HttpResponseRedirect(_page_before(request))
    if not is_offered(code):
        return response
    actor = request.actor  # type: ignore[attr-defined]
    if actor is not None:
        choose_for(Account.objects.get(pk=actor.account_id), code)
    keep_in_browser(response, code)
    return response


def _page_before(request: HttpRequest) -> str:
    """The page a form was sent from. By the header, not by a field: a page that says "not found" must not hold the address
    that was asked for."""
    before = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(before, {request.get_host()}):
        return "/" if request.tenant is None else tenant_url(request, "sign-in")  # type: ignore[attr-defined]
    parts = urlsplit(before)
    path = urlunsplit(("", "", "/" + parts.path.lstrip("/"), parts.query, ""))
    return path if url_has_allowed_host_and_scheme(path, allowed_hosts=None) else "/"
