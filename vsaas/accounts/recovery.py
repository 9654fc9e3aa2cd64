"""Recovery codes: ten, shown until the person says they are kept, then never again."""

from __future__ import annotations

import base64
import json
import secrets

from django.http import HttpRequest
from django_otp import login as otp_login

from vsaas.accounts import acts
from vsaas.accounts.models import Account, RecoveryCode, RecoverySet, hash_recovery_code
from vsaas.audit.services import record_act, who
from vsaas.common import clock, secretbox

COUNT = 10
CODE_BYTES = 15
SHOWN = "recovery_codes_sealed"
PURPOSE = "recovery"


def make_codes(request: HttpRequest, account: Account) -> None:
    """Replace the account's recovery codes. The texts stay, sealed, in the session until `codes_kept`."""
    by_code = isinstance(getattr(request.user, "otp_device", None), RecoverySet)
    RecoverySet.objects.filter(user=account).delete()
    device = RecoverySet.objects.create(user=account, name="Recovery codes", confirmed=True)
    codes = [_code() for _ in range(COUNT)]
    RecoveryCode.objects.bulk_create(
        [RecoveryCode(device=device, code_hash=hash_recovery_code(code)) for code in codes]
    )
    if by_code:  # the session rests on the set that just went: let it rest on the new one
        otp_login(request, device)
    sealed = secretbox.seal(json.dumps(codes).encode(), purpose=PURPOSE, bound_to=device.id.bytes)
    request.session[SHOWN] = [device.id.hex, base64.b64encode(sealed).decode()]
    record_act(acts.RECOVERY_CODES_MADE, who(account), request=request)


def shown_codes(request: HttpRequest) -> list[str] | None:
    """The codes still to be kept, or None."""
    kept = request.session.get(SHOWN)
    if kept is None:
        return None
    bound_to, sealed = bytes.fromhex(kept[0]), base64.b64decode(kept[1])
    codes: list[str] = json.loads(secretbox.open_sealed(sealed, purpose=PURPOSE, bound_to=bound_to))
    return codes


def owes_codes(account: Account) -> bool:
    """Whether the account has no recovery codes that were kept."""
    return not RecoverySet.objects.filter(user=account, saved_at__isnull=False).exists()


def codes_kept(request: HttpRequest, account: Account) -> None:
    """The person said the codes are kept; nobody sees them again."""
    request.session.pop(SHOWN, None)
    if RecoverySet.objects.filter(user=account, saved_at__isnull=True).update(saved_at=clock.now()):
        record_act(acts.RECOVERY_CODES_SAVED, who(account), request=request)


def _code() -> str:
    text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode()
    return "-".join(text[i : i + 4] for i in range(0, len(text), 4))
