"""Access tokens: made, listed, revoked by the person they belong to; and whom a request with one comes from.

A token lends no more than its owner may at the moment of each request: memberships are read then, and cut down to the
token's scopes and site. So a removed or demoted owner's tokens lose the right with the next request.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenants import access, bearer
from tenants.access import Actor, actor_of, in_force, narrowed
from tenants.errors import TokenRefused
from tenants.models import Site
from tenants.permissions import SITE_VIEW, Permission, token_scopes
from tenants.scope import after_scope, tenant_scope
from vsaas.accounts import acts
from vsaas.accounts.models import AccessToken, Account
from vsaas.approvals.people import bound
from vsaas.audit.services import Who, record_act, record_refusal, what, who
from vsaas.common import clock
from vsaas.common.errors import Conflict, Denied, InvalidFields
from vsaas.common.network import network_of
from vsaas.common.redis import client

NAME_CHARS_MAX = 80
LIFETIME_MAX = dt.timedelta(days=365)
TOKENS_MOST = 50  # that hold, per account
USE_NOTED_EVERY = dt.timedelta(minutes=1)
USE_AUDITED_EVERY = dt.timedelta(hours=1)
ENDED_SHOWN = dt.timedelta(days=30)


class TooManyTokens(Conflict):
    """The account has as many tokens as it may have."""

    problem = "too-many-tokens"


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a token begins with."""

    name: str
    scopes: frozenset[Permission]
    expires_at: dt.datetime
    site_id: UUID | None = None


def offered_scopes(actor: Actor) -> tuple[Permission, ...]:
    """What the actor may lend to a token: the permissions held somewhere, without those no token may have."""
    return tuple(one for one in token_scopes() if actor.holds(one))


def offered_sites(actor: Actor) -> QuerySet[Site]:
    """The sites the actor may limit a token to."""
    return access.visible(actor, SITE_VIEW, Site.objects.all())


def issue(actor: Actor, new: NewToken, *, request: HttpRequest) -> tuple[AccessToken, str]:
    """Make a token of the actor's own account; gives its row, and the token itself, which is kept nowhere.

    Raises InvalidFields, naming every field that is wrong, TooManyTokens, or Denied where the actor's role needs a second
    person's approval. The caller has checked `account:self`.
    """
    if bound(actor):
        raise Denied(
            _("your role needs a second person's approval to sign in, so it can have no access tokens")
        )
    wrong = _wrong_fields(actor, new)
    if wrong:
        raise InvalidFields(
            _("the token cannot be made like this"),
            extra={"errors": [{"field": field, "message": message} for field, message in wrong.items()]},
        )
    # The account's row is locked, so that many requests at once cannot step over the number allowed.
    Account.objects.select_for_update().get(pk=actor.account_id)
    if holding(actor).count() >= TOKENS_MOST:
        raise TooManyTokens(
            _("you have %(most)d tokens that hold; revoke one you no longer need") % {"most": TOKENS_MOST}
        )
    text = bearer.new_token()
    token = AccessToken.objects.create(
        account_id=actor.account_id,
        name=new.name.strip(),
        token_hash=bearer.token_hash(text),
        hint=bearer.hint_of(text),
        scopes=[one.name for one in token_scopes() if one in new.scopes],
        site_id=new.site_id,
        expires_at=new.expires_at,
    )
    record_act(
        acts.TOKEN_CREATED,
        who(actor),
        what(token),
        request=request,
        until=token.expires_at.strftime("%Y-%m-%d %H:%M UTC"),
        scopes=", ".join(token.scopes),
        site=None if token.site is None else token.site.name,
    )
    return token, text


def _wrong_fields(actor: Actor, new: NewToken) -> dict[str, str]:
    wrong: dict[str, str] = {}
    name, now = new.name.strip(), clock.now()
    if not 0 < len(name) <= NAME_CHARS_MAX or not name.isprintable():
        wrong["name"] = _("Write 1 to %(most)d printable characters.") % {"most": NAME_CHARS_MAX}
    beyond = new.scopes - set(offered_scopes(actor))
    if not new.scopes:
        wrong["scopes"] = _("Choose at least one.")
    elif beyond:
        wrong["scopes"] = _("You cannot give a token: %(names)s.") % {
            "names": ", ".join(sorted(one.name for one in beyond))
        }
    if not now < new.expires_at <= now + LIFETIME_MAX:
        wrong["expires_us"] = _("Choose a time from now until %(days)d days ahead.") % {
            "days": LIFETIME_MAX.days
        }
    if new.site_id is not None and not offered_sites(actor).filter(id=new.site_id).exists():
        wrong["site"] = _("You have no such site.")
    return wrong


def own_tokens(actor: Actor) -> QuerySet[AccessToken]:
    """The actor's own tokens, those that ended lately included, the newest first."""
    since = clock.now() - ENDED_SHOWN
    return (
        AccessToken.objects.filter(account_id=actor.account_id, expires_at__gt=since)
        .filter(Q(revoked_at__isnull=True) | Q(revoked_at__gt=since))
        .select_related("site")
        .order_by("-created_at", "-id")
    )


def holding(actor: Actor) -> QuerySet[AccessToken]:
    """The actor's own tokens that open something."""
    return own_tokens(actor).filter(revoked_at__isnull=True, expires_at__gt=clock.now())


def revoke(actor: Actor, token_id: UUID, *, request: HttpRequest) -> AccessToken:
    """End one of the actor's own tokens; NotFound for anybody else's. Ending it again changes nothing."""
    token = access.own(actor, AccessToken.objects.select_related("site"), id=token_id)
    now = clock.now()
    if AccessToken.objects.filter(id=token.id, revoked_at__isnull=True).update(revoked_at=now):
        token.revoked_at = now
        record_act(acts.TOKEN_REVOKED, who(actor), what(token), request=request)
    return token


def actor_by_token(request: HttpRequest, token_id: UUID) -> tuple[Account, Actor]:
    """The owner of a request's token, and the actor with the rights it lends now. Raises TokenRefused.

    The use is noted, and audited once an hour, in a transaction of its own after the request's, however that ends.
    """
    token = AccessToken.objects.select_related("account").filter(id=token_id).first()
    if token is None or not token.account.is_active:
        raise TokenRefused(_("the account this token was made by is gone"))
    if token.revoked_at is not None:
        raise TokenRefused(_("this token was revoked; make a new one"))
    if not token.holds:
        raise TokenRefused(_("this token has expired; make a new one"))
    owner = actor_of(token.account)
    if bound(owner):
        _note_bound(token, request)
        raise TokenRefused(
            _(
                "the role of who made this token needs a second person's approval to sign in, which no token can have"
            )
        )
    after_scope(partial(_note_use, token, who(token.account), request))
    return token.account, in_force(lend(token, owner), clock.now_us())


def _note_bound(token: AccessToken, request: HttpRequest) -> None:
    """Once an hour, as its use would be: programs ask again and again."""
    every_s = int(USE_AUDITED_EVERY.total_seconds())
    if client().set(f"vsaas.tokens.bound.{token.id}", "1", ex=every_s, nx=True):
        record_refusal(acts.TOKEN_OF_BOUND, who(token.account), what(token), request=request)


def lend(token: AccessToken, owner: Actor) -> Actor:
    """The owner with the rights the token lends. The name tells who reads the audit log that a token acted."""
    scopes = frozenset(one for one in token_scopes() if one.name in token.scopes)
    return narrowed(owner, scopes, token.site_id, token_id=token.id, name=f"{owner.name} ({token.name})")


def holding_among(ids: set[UUID]) -> dict[UUID, AccessToken]:
    """Those of these tokens that still open something, whosever they are."""
    rows = AccessToken.objects.filter(
        id__in=ids, revoked_at__isnull=True, expires_at__gt=clock.now(), account__is_active=True
    )
    return {token.id: token for token in rows}


def _note_use(token: AccessToken, owner: Who, request: HttpRequest) -> None:
    now = clock.now()
    if token.last_used_at is not None and token.last_used_at > now - USE_NOTED_EVERY:
        return
    with tenant_scope(token.tenant_id):
        AccessToken.objects.filter(id=token.id).update(
            last_used_at=now, last_used_network=network_of(request)
        )
        due = Q(use_audited_at__isnull=True) | Q(use_audited_at__lte=now - USE_AUDITED_EVERY)
        # Conditional, so that of many requests at once one writes it down.
        if AccessToken.objects.filter(due, id=token.id).update(use_audited_at=now):
            record_act(acts.TOKEN_USED, owner, what(token), request=request)
