"""Which kinds of browser, from which part of the internet, an account is used on; a new one is announced by mail.

A device is known when the account was signed in to within DAYS with the same kind of browser (as `user_agents.device_words` names it)
from the same part of the internet: an IPv4 /16 or an IPv6 /40, so that a phone that changes its address within its provider
is no news, and a guess of the kind of browser from elsewhere is.
"""

from __future__ import annotations

import datetime as dt
import ipaddress

from django.http import HttpRequest

from vsaas.accounts import acts, notices
from vsaas.accounts.models import Account, KnownDevice
from vsaas.accounts.user_agents import device_of
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.network import address_of, network_of

DAYS = dt.timedelta(days=90)
WIDE = {4: 16, 6: 40}


def part_of_internet(request: HttpRequest) -> str:
    """The network around the caller's, "" where there is no address."""
    try:
        address = ipaddress.ip_address(address_of(request))
    except ValueError:
        return ""
    return str(ipaddress.ip_network((address, WIDE[address.version]), strict=False))


def seen(request: HttpRequest, account: Account) -> None:
    """The account was signed in to here, second factor included. The first device of an account is no news."""
    device, network = device_of(request.headers.get("User-Agent", "")), part_of_internet(request)
    now = clock.now()
    known = KnownDevice.objects.filter(account=account, last_seen_at__gt=now - DAYS)
    is_first = not known.exists()
    is_new = not known.filter(device=device, network=network).exists()
    KnownDevice.objects.update_or_create(
        account=account, device=device, network=network, defaults={"last_seen_at": now}
    )
    if is_new and not is_first:
        details = {"device": device, "network": network_of(request) or acts.UNKNOWN_NETWORK}
        record_act(acts.NEW_DEVICE, who(account), what(account), request=request, **details)
        notices.new_device(request, account, device)
