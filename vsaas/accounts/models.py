"""Accounts, sessions, second factors, set-up links. An account belongs to exactly one tenant."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django_otp.models import Device, DeviceManager, ThrottlingMixin, VerifyNotAllowed
from django_otp.oath import TOTP

from tenants.models import ScopedManager, Site, TenantModel
from vsaas.common import clock, secretbox

TOTP_PURPOSE = "totp"
NUMBER_PURPOSE = "telephone"
CODE_MINUTES = 5  # for which a code that is sent is good, unless the organisation says otherwise
TOTP_SECRET_BYTES = 20
TOTP_STEP_S = 30
THROTTLE_CAP_S = 900


def usual_kinds() -> list[str]:
    """The kinds of second factor that are accepted where nobody said otherwise."""
    return ["app", "passkey"]


class AccountManager(ScopedManager["Account"]):
    """The current tenant's accounts."""

    def get_by_natural_key(self, email: str) -> Account:
        return self.get(email=normalise_email(email))


def normalise_email(value: str) -> str:
    """One spelling per address."""
    return value.strip().casefold()


class Account(TenantModel, AbstractBaseUser):
    """A person in one tenant, with factors of their own there. Rights come from memberships alone."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_seen_at = models.DateTimeField(
        null=True, editable=False
    )  # kept when the session ends; to the minute
    language = models.CharField(max_length=16, null=True, blank=True)  # noqa: DJ001  null: as the browser says
    # The password was set by a link sent by mail, and no factor but the mailbox has vouched for it since.
    password_by_mail = models.BooleanField(default=False, db_default=False)

    objects: ClassVar[AccountManager] = AccountManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "email"], name="account_email_once")]

    def __str__(self) -> str:
        return self.name or self.email


class Session(TenantModel):
    """A signed-in browser, or one on its way. The cookie holds the key, this row only its hash."""

    key_hash = models.CharField(max_length=64)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, null=True, related_name="sessions")
    data = models.TextField()
    network = models.CharField(max_length=64, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_seen_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "key_hash"], name="session_key_once")]

    def __str__(self) -> str:
        return f"session {self.id}"


class ScopedDeviceManager(ScopedManager[Any], DeviceManager):
    """django-otp's device manager over the current tenant's rows."""


class TenantDevice(TenantModel, ThrottlingMixin, Device):
    """What django-otp needs of a device, tenant-scoped."""

    objects: ClassVar[ScopedDeviceManager] = ScopedDeviceManager()

    class Meta(TenantModel.Meta):
        abstract = True

    @property
    def persistent_id(self) -> str:
        """django-otp reads the id back with int(); a UUID field takes its integer."""
        return f"{self.model_label()}/{self.id.int}"

    def get_throttle_factor(self) -> int:
        return 1

    def verify_is_allowed(self) -> tuple[bool, dict[str, Any] | None]:
        """django-otp's throttle by our clock, and capped: who knows the password must not lock the person out for ever."""
        failed_at, failures = self.throttling_failure_timestamp, self.throttling_failure_count
        if failed_at is None or failures == 0:
            return True, None
        until = failed_at + dt.timedelta(seconds=min(2 ** min(failures - 1, 30), THROTTLE_CAP_S))
        if clock.now() >= until:
            return True, None
        why = {"reason": VerifyNotAllowed.N_FAILED_ATTEMPTS, "failure_count": failures, "locked_until": until}
        return False, why

    def throttle_increment(self, commit: bool = True) -> None:
        """One more failure."""
        self.throttling_failure_timestamp = clock.now()
        self.throttling_failure_count += 1
        if commit:
            self.save(update_fields=["throttling_failure_timestamp", "throttling_failure_count"])


class TotpDevice(TenantDevice):
    """An authenticator app (RFC 6238: SHA-1, 6 digits, 30 s). A code is accepted once, one step early or late."""

    secret_sealed = models.BinaryField()
    last_step = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantModel.Meta):
        abstract = False

    @classmethod
    def make(cls, account: Account) -> TotpDevice:
        """A new, unconfirmed device with a fresh secret; saved."""
        device = cls(user=account, name="Authenticator app", confirmed=False)
        secret = secrets.token_bytes(TOTP_SECRET_BYTES)
        device.secret_sealed = secretbox.seal(secret, purpose=TOTP_PURPOSE, bound_to=device.id.bytes)
        device.save(force_insert=True)
        return device

    @property
    def secret(self) -> bytes:
        """The shared secret, opened."""
        return secretbox.open_sealed(self.secret_sealed, purpose=TOTP_PURPOSE, bound_to=self.id.bytes)

    def verify_token(self, token: str) -> bool:
        """Whether the code is right, unused and not throttled. Lock the row first (`for_verify`)."""
        allowed, _ = self.verify_is_allowed()
        if not allowed:
            return False
        totp = TOTP(self.secret, TOTP_STEP_S)
        totp.time = clock.now().timestamp()
        if not (token.isascii() and token.isdigit() and len(token) == 6):
            self.throttle_increment()
            return False
        if not totp.verify(int(token), tolerance=1, min_t=self.last_step + 1):
            self.throttle_increment()
            return False
        self.last_step = totp.t()
        self.throttle_reset(commit=False)
        self.save()
        return True

    def address(self) -> str:
        """The otpauth:// address an authenticator app reads from the QR code (Key URI Format)."""
        issuer = settings.OTP_TOTP_ISSUER
        label = quote(f"{issuer}:{self.user.email}")
        query = urlencode(
            {"secret": self.secret_text(), "issuer": issuer, "digits": 6, "period": TOTP_STEP_S}
        )
        return f"otpauth://totp/{label}?{query}"

    def secret_text(self) -> str:
        """The secret as people type it: base32."""
        return base64.b32encode(self.secret).decode().rstrip("=")


class Passkey(TenantDevice):
    """A passkey (W3C Web Authentication): a key pair whose private half an authenticator keeps. `public_key` is a COSE key.

    It takes no typed code: `vsaas.accounts.passkeys` checks its answers.
    """

    credential_id = models.BinaryField(max_length=1023)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)  # 0 for good where the authenticator does not count
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "credential_id"], name="passkey_once")]

    def __str__(self) -> str:
        return self.name

    def verify_token(self, token: str) -> bool:
        """Never: nobody types a passkey."""
        return False


class RememberedBrowser(TenantDevice):
    """A browser in which an account gave its second factor, and need not again until `expires_at`. Its cookie holds the token,
    this row only its hash. `device` is the kind of browser it has to be still."""

    token_hash = models.BinaryField(unique=True)
    device = models.CharField(max_length=60)
    network = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        abstract = False

    def __str__(self) -> str:
        return self.device

    @classmethod
    def end_all(cls, account: Account) -> None:
        """Every browser of the account has to give a factor again. Rows stay for the session that may rest on one."""
        now = clock.now()
        cls.objects.filter(user=account, expires_at__gt=now).update(expires_at=now)

    def verify_token(self, token: str) -> bool:
        """Never: nobody types it."""
        return False


class SentFactor(TenantDevice):
    """A way by which codes are sent to a person: to their e-mail address, or to a telephone number by a plug-in. `kind` as the
    sign-in rules name it. Holds the newest code alone, as a keyed hash: which asking it answers, and until when.

    It takes no typed code by itself: `vsaas.accounts.sent_codes` checks it against the session it was asked in.
    """

    kind = models.CharField(max_length=40)
    number_sealed = models.BinaryField(null=True)  # of a telephone; by mail, the account's address
    created_at = models.DateTimeField(default=clock.now, editable=False)
    asked_in = models.CharField(max_length=64, blank=True)
    asked_at = models.DateTimeField(null=True)
    code_hash = models.BinaryField(null=True)
    expires_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "user", "kind"], name="sent_factor_once")]

    def __str__(self) -> str:
        return self.kind

    @property
    def number(self) -> str:
        """The telephone number, opened; "" where there is none."""
        if self.number_sealed is None:
            return ""
        return secretbox.open_sealed(
            self.number_sealed, purpose=NUMBER_PURPOSE, bound_to=self.id.bytes
        ).decode()

    def set_number(self, number: str) -> None:
        """Seal a telephone number into this row; not saved."""
        self.number_sealed = secretbox.seal(number.encode(), purpose=NUMBER_PURPOSE, bound_to=self.id.bytes)

    def verify_token(self, token: str) -> bool:
        """Never: a code counts only in the session it was asked in."""
        return False


class SignInPolicy(TenantModel):
    """How people of an organisation sign in, where their roles say nothing else (`tenants_role`). No row: the product's own.
    `version` grows with each change, of a role's rules too."""

    kinds = models.JSONField(default=usual_kinds)
    passwordless = models.BooleanField(default=False)
    remember_days = models.PositiveSmallIntegerField(default=0)
    code_minutes = models.PositiveSmallIntegerField(default=CODE_MINUTES, db_default=CODE_MINUTES)
    version = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant"], name="sign_in_policy_once")]

    def __str__(self) -> str:
        return f"sign-in rules {self.id}"


class RecoverySet(TenantDevice):
    """Ten single-use codes that stand in for the authenticator app. `saved_at`: the person said they kept them."""

    saved_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta(TenantModel.Meta):
        abstract = False

    def verify_token(self, token: str) -> bool:
        """Use one code up, by a conditional UPDATE."""
        allowed, _ = self.verify_is_allowed()
        if not allowed:
            return False
        used = RecoveryCode.objects.filter(
            device=self, code_hash=hash_recovery_code(token), used_at__isnull=True
        ).update(used_at=clock.now())
        if used != 1:
            self.throttle_increment()
            return False
        self.throttle_reset()
        return True


class RecoveryCode(TenantModel):
    """One code of a set, as its hash: 120 random bits need no slow hash, nor a salt."""

    device = models.ForeignKey(RecoverySet, on_delete=models.CASCADE, related_name="codes")
    code_hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "code_hash"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code {self.id}"


def hash_recovery_code(text: str) -> str:
    """The stored form of a code as typed: dashes, spaces and case do not matter."""
    plain = "".join(text.split()).replace("-", "").upper()
    return hashlib.sha256(b"vsaas-recovery-v1" + plain.encode()).hexdigest()


class Invitation(TenantModel):
    """Somebody asked to join, with the role and sites they will have. Its link is a `SetupLink`; a renewed invitation has
    several, of which the newest alone opens."""

    LIFETIME: ClassVar[dt.timedelta] = dt.timedelta(days=7)

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=40)
    # Said outright, not by the absence of sites: else an invitation for one site would be one for all once that site is
    # deleted.
    all_sites = models.BooleanField()
    invited_by = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, related_name="+")
    invited_by_name = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="invitation_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.email})"

    @property
    def expired(self) -> bool:
        """Whether its link has run out."""
        return clock.now() >= self.expires_at


class InvitationSite(TenantModel):
    """One of the sites an invitation is for."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="places")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["tenant", "invitation", "site"], name="invitation_site_once")
        ]

    def __str__(self) -> str:
        return f"site {self.site_id} of invitation {self.invitation_id}"


class OneTime(TenantModel):
    """What opens something once, until it runs out. Holds its token's hash."""

    token_hash = models.BinaryField(unique=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        abstract = True

    @property
    def usable(self) -> bool:
        """Whether it may still be opened."""
        return self.used_at is None and clock.now() < self.expires_at


class SetupLink(OneTime):
    """A one-time link into the set-up sequence. Holds the token's hash, and the account being made until the second
    factor is confirmed, which uses the link up; for a lost second factor, the account that keeps everything else."""

    class Kind(models.TextChoices):
        OWNER = "owner", "first owner"
        INVITATION = "invitation", "invitation"
        FACTOR = "factor", "lost second factor"

    LIFETIME: ClassVar[dt.timedelta] = dt.timedelta(hours=24)

    kind = models.CharField(
        max_length=12, choices=Kind.choices, default=Kind.OWNER, db_default=Kind.OWNER.value
    )
    account = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, related_name="+")
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, null=True, related_name="links")
    issued_by = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(OneTime.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"set-up link {self.id}"


def hash_setup_token(token: str) -> bytes:
    """The stored form of a link's token."""
    return hashlib.sha256(b"vsaas-setup-v1" + token.encode()).digest()


class AccountLink(OneTime):
    """A one-time link sent by mail to the person of an account. Holds the token's hash; of one account and kind the newest
    alone opens. `email`: the address a change goes to; for `NOT_ME`, the one it came from."""

    class Kind(models.TextChoices):
        RESET = "reset", "new password"
        EMAIL = "email", "new e-mail address"
        NOT_ME = "not-me", "the change of address was not theirs"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    email = models.EmailField(max_length=254, blank=True)

    class Meta(OneTime.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"link {self.id}"


class KnownDevice(TenantModel):
    """A kind of browser on a part of the internet from which an account was signed in to, with second factor."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="+")
    device = models.CharField(max_length=60)
    network = models.CharField(max_length=64)
    last_seen_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account", "device", "network"], name="known_device_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.device} on {self.network}"


class AccessToken(TenantModel):
    """A program's key to the REST API in its owner's name: some of the owner's rights, for a time. The token itself is
    shown once; this row holds its hash. `scopes` are names of permissions; `site` empty: every site the owner has."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="access_tokens")
    name = models.CharField(max_length=80)
    token_hash = models.BinaryField(unique=True)
    hint = models.CharField(max_length=20)
    scopes = models.JSONField()
    # Cascades: a token that was limited to a site must not be left without its limit.
    site = models.ForeignKey(Site, on_delete=models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_network = models.CharField(max_length=64, blank=True)
    use_audited_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        abstract = False

    def __str__(self) -> str:
        return self.name

    @property
    def holds(self) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and clock.now() < self.expires_at
