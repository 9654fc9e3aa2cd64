"""Passkeys (W3C Web Authentication, level 3): as second factor, and in place of both factors where the rules allow.

Their party is the host of the portal's public address; an answer given to any other origin is refused. What a passkey signs
is a challenge made here, kept in the browser's session for CHALLENGE_S and good for one answer. Where the answer is to say
yes to something (an approval), the challenge is made of that too: SHA-256(COVERS_PREFIX ‖ 32 random bytes ‖ what it covers).
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import redis
import webauthn
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_otp import login as otp_login
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from tenants.words import Text
from vsaas.accounts import acts, notices, rules
from vsaas.accounts.models import Account, Passkey
from vsaas.accounts.own import end_others
from vsaas.audit.services import NOBODY, record_act, record_refusal, what, who
from vsaas.common import clock
from vsaas.common import redis as common_redis
from vsaas.common.errors import Conflict, InvalidField, NotFound, Unavailable
from vsaas.common.security import origin

CHALLENGE = "passkey_challenge"
CHALLENGE_S = 300
CHALLENGE_BYTES = 32
COVERS_PREFIX = b"vsaas-passkey-covers-v1"
NAME_CHARS_MAX = 64
MOST_EACH = 20
WHY_CHARS_MAX = 200


@dataclass(frozen=True, slots=True)
class Party:
    """Whom passkeys are made for: a host name, and the one origin their answers may come from."""

    host: str
    origin: str


class PasskeyRefused(InvalidField):
    """A passkey's answer is not one to what was asked here."""

    problem = "passkey-refused"
    title = _("This passkey was not accepted")

    def __init__(self, message: Text, why: str = "") -> None:
        super().__init__("code", message)
        self.why = why or acts.NO_ANSWER  # for the log


class LastFactor(Conflict):
    """Without it the account would have no factor that the sign-in rules accept."""

    problem = "last-factor"
    title = _("This is your last second factor")


class PasskeyCopied(PasskeyRefused):
    """Its counter went back: two authenticators hold it. Noted already."""


# What the library lets through of malformed answers, beside its own.
_MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def party() -> Party | None:
    """The portal's; None where it is reached by an address of numbers, or over plain HTTP from elsewhere: no browser makes
    passkeys there."""
    address: str = settings.ENV.public_url
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        usable = parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
        return Party(host, origin(address).lower()) if usable and host else None
    return None


def the_party() -> Party:
    """The same; NotFound where there is none."""
    found = party()
    if found is None:
        raise NotFound(
            _("browsers make no passkeys for this portal: it has to be reached by a name, over HTTPS")
        )
    return found


def alone_is_offered() -> bool:
    """Whether anybody here may sign in with a passkey alone."""
    if party() is None:
        return False
    said = rules.sign_in_rules()
    return said.everybody.passwordless or any(said.of_role(key).passwordless for key in said.roles)


def of(account: Account) -> QuerySet[Passkey]:
    """An account's passkeys, the newest last."""
    return Passkey.objects.filter(user=account, confirmed=True).order_by("created_at", "id")


# ---- challenges


def _new_challenge(request: HttpRequest, account: Account | None, covers: bytes = b"") -> bytes:
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    if covers:
        challenge = hashlib.sha256(COVERS_PREFIX + challenge + covers).digest()
    request.session[CHALLENGE] = {
        "challenge": base64.b64encode(challenge).decode(),
        "account": None if account is None else str(account.pk),
        "covers": covers.hex(),
        "at_us": clock.now_us(),
    }
    try:
        common_redis.client().set(_key(challenge), b"1", ex=CHALLENGE_S)
    except redis.RedisError as error:
        raise Unavailable(_("passkeys cannot be asked for just now; try again")) from error
    return challenge


def _take_challenge(request: HttpRequest, account: Account | None, covers: bytes = b"") -> bytes:
    """The challenge of this session for this account and what it covers, used up by that. Raises PasskeyRefused."""
    kept = request.session.pop(CHALLENGE, None)
    wanted = None if account is None else str(account.pk), covers.hex()
    asked = None if kept is None else (kept["account"], kept.get("covers", ""))
    if asked != wanted or clock.now_us() - kept["at_us"] > CHALLENGE_S * 1_000_000:
        raise PasskeyRefused(
            _("this took too long, or was asked in another window; try again"), acts.STALE_CHALLENGE
        )
    challenge = base64.b64decode(kept["challenge"])
    try:
        # Two requests of one session may both have read it from there: only one of them gets it here.
        fresh = common_redis.client().getdel(_key(challenge))
    except redis.RedisError as error:
        raise Unavailable(_("passkeys cannot be checked just now; try again")) from error
    if not fresh:
        raise PasskeyRefused(_("this passkey's answer was used before; try again"), acts.STALE_CHALLENGE)
    return challenge


def _key(challenge: bytes) -> str:
    return f"vsaas.passkey.{hashlib.sha256(challenge).hexdigest()}"


# ---- making one


def creation_options(request: HttpRequest, account: Account) -> dict[str, Any]:
    """What the browser needs to make a passkey (PublicKeyCredentialCreationOptions as JSON)."""
    tenant = request.tenant  # type: ignore[attr-defined]
    options = webauthn.generate_registration_options(
        rp_id=the_party().host,
        rp_name=tenant.name,
        user_id=account.pk.bytes,
        user_name=account.email,
        user_display_name=f"{account.name}, {tenant.name}",
        challenge=_new_challenge(request, account),
        timeout=CHALLENGE_S * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=_descriptors(account),
    )
    return _as_json(options)


def add(request: HttpRequest, account: Account, name: str, answer: str) -> Passkey:
    """Keep the passkey that the browser made; other sessions end. Raises PasskeyRefused. The caller has checked password
    and a factor of before."""
    challenge = _take_challenge(request, account)
    if of(account).count() >= MOST_EACH:
        raise PasskeyRefused(_("you have as many passkeys as there may be; remove one first"))
    try:
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=the_party().host,
            expected_origin=the_party().origin,
        )
    except _MALFORMED as error:
        raise _refused(error) from error
    if Passkey.objects.filter(credential_id=made.credential_id).exists():
        raise PasskeyRefused(_("this passkey is kept here already"))
    passkey: Passkey = Passkey.objects.create(
        user=account,
        name=name,
        confirmed=True,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )
    count = end_others(request, account)
    record_act(acts.PASSKEY_ADDED, who(account), what(passkey), request=request, count=count)
    notices.factor_changed(request, account)
    return passkey


# ---- using one


def request_options(request: HttpRequest, account: Account | None, covers: bytes = b"") -> dict[str, Any]:
    """What the browser needs to have a passkey answer (PublicKeyCredentialRequestOptions as JSON): one of the account's, or,
    without an account, whichever the person chooses, who then shows to the authenticator that it is them. `covers`: what the
    answer says yes to, where it is more than who gives it."""
    options = webauthn.generate_authentication_options(
        rp_id=the_party().host,
        challenge=_new_challenge(request, account, covers),
        timeout=CHALLENGE_S * 1000,
        allow_credentials=None if account is None else _descriptors(account),
        user_verification=UserVerificationRequirement.REQUIRED
        if account is None
        else UserVerificationRequirement.PREFERRED,
    )
    return _as_json(options)


def is_answer(code: str) -> bool:
    """Whether what was given where a code is asked for is a passkey's answer."""
    return code.lstrip().startswith("{")


def check(
    request: HttpRequest,
    account: Account | None,
    answer: str,
    covers: bytes = b"",
    *,
    asked_anybody: bool = False,
) -> Passkey | None:
    """The passkey that gave this answer: one of the account's; without an account any of an active account here, and then
    only with the person verified by the authenticator. None, with the refusal noted, when it is none of them.
    `asked_anybody`: it was asked for before anybody knew whose it would be (`request_options` without an account); it must
    be the account's all the same, with the person verified."""
    try:
        return _checked(request, account, answer, covers, asked_anybody or account is None)
    except PasskeyCopied:
        return None
    except PasskeyRefused as error:
        by = NOBODY if account is None else who(account)
        record_refusal(acts.PASSKEY_REFUSED, by, request=request, reason=error.why)
        return None


def _checked(
    request: HttpRequest, account: Account | None, answer: str, covers: bytes, asked_anybody: bool
) -> Passkey:
    challenge = _take_challenge(request, None if asked_anybody else account, covers)
    passkey = _named_by(answer, account)
    try:
        found = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=the_party().host,
            expected_origin=the_party().origin,
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=0,  # held to below, where going back is told from the rest
            require_user_verification=asked_anybody,
        )
    except _MALFORMED as error:
        raise _refused(error) from error
    if (passkey.sign_count or found.new_sign_count) and found.new_sign_count <= passkey.sign_count:
        record_refusal(acts.PASSKEY_COPIED, who(passkey.user), what(passkey), request=request)
        raise PasskeyCopied(_("this passkey may have been copied; remove it, and add another"))
    passkey.sign_count, passkey.last_used_at = found.new_sign_count, clock.now()
    passkey.save(update_fields=["sign_count", "last_used_at"])
    return passkey


def _named_by(answer: str, account: Account | None) -> Passkey:
    """The passkey an answer names, its row locked. `userHandle`, where the authenticator gives it, must be its account's."""
    try:
        said = json.loads(answer)
        credential_id = webauthn.base64url_to_bytes(said["rawId"])
        handle = said["response"].get("userHandle")
        owner = None if not handle else UUID(bytes=webauthn.base64url_to_bytes(handle))
    except _MALFORMED as error:
        raise PasskeyRefused(_("this is no passkey's answer")) from error
    rows = Passkey.objects.filter(credential_id=credential_id, confirmed=True, user__is_active=True)
    if account is not None:
        rows = rows.filter(user=account)
    passkey: Passkey | None = rows.select_for_update(of=("self",)).first()
    if passkey is None or owner not in (None, passkey.user_id) or (account is None and owner is None):
        raise PasskeyRefused(
            _("this passkey is not known here; it was removed, or belongs elsewhere"), acts.UNKNOWN_PASSKEY
        )
    return passkey


# ---- keeping them


def rename(request: HttpRequest, account: Account, passkey: Passkey, name: str) -> None:
    """Call one's passkey something else."""
    before, passkey.name = passkey.name, name
    if before != name:
        passkey.save(update_fields=["name"])
        record_act(acts.PASSKEY_RENAMED, who(account), what(passkey), request=request, before=before)


def remove(request: HttpRequest, account: Account, passkey: Passkey, given: Any) -> int:
    """Take a passkey away; other sessions end, and this one rests on `given`, the factor given a moment ago, or on what is
    left when that was the passkey itself. How many sessions ended. Raises LastFactor."""
    others = of(account).exclude(pk=passkey.pk).exists()
    require_left(account, without=set() if others else {rules.PASSKEY})
    passkey_id = passkey.pk
    on = what(passkey)
    passkey.delete()
    if given.pk == passkey_id:
        given = left(account)
    otp_login(request, given)
    request.session.cycle_key()
    count = end_others(request, account)
    record_act(acts.PASSKEY_REMOVED, who(account), on, request=request, count=count)
    notices.factor_changed(request, account)
    return count


def require_left(account: Account, *, without: set[str]) -> None:
    """Return when the account keeps a factor that its rules accept, these kinds gone; raises LastFactor. Codes by e-mail do not
    count: a session rests on what is left, and mail may end."""
    held = rules.kinds_held({account.pk})[account.pk] - {rules.EMAIL_CODE} - without
    if not held & rules.rules_of(account).kinds:
        raise LastFactor(
            _("your role accepts none of the second factors you would have left: set up another one first")
        )


def left(account: Account) -> Any:
    """A factor the account still has."""
    return (
        of(account).first()
        or account.totpdevice_set.filter(confirmed=True).first()
        or account.sentfactor_set.filter(confirmed=True).exclude(kind=rules.EMAIL_CODE).first()
    )


def _descriptors(account: Account) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=bytes(one.credential_id)) for one in of(account)]


def _as_json(options: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(webauthn.options_to_json(options))
    return document


def _refused(error: Exception) -> PasskeyRefused:
    """The library's reasons are English sentences about the answer; they hold no secret, and go to the log alone."""
    why = str(error)[:WHY_CHARS_MAX] if isinstance(error, WebAuthnException) else ""
    return PasskeyRefused(_("this passkey's answer does not fit what was asked; try again"), why)
