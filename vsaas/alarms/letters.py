"""What people are written about alarms; written when the message is sent (see `vsaas.mail.letters`)."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tenants.access import actor_of
from vsaas.accounts.letters import in_language_of, organisation, page
from vsaas.accounts.models import Account
from vsaas.alarms.models import Alarm
from vsaas.cameras.models import Camera
from vsaas.cameras.shown import SENTENCES
from vsaas.common import clock
from vsaas.common.sizes import length_text
from vsaas.mail import outbox
from vsaas.mail.letters import About, Letter, letter

LINES_MOST = 30


@letter("alarms", gettext_lazy("Alarms"), hours=12)
def alarms(about: About, to: str) -> Letter | None:
    """`account`, `from_us`, `to_us`: what was noticed or ended between the two, as far as the account may see it now."""
    account = Account.objects.filter(pk=about["account"], is_active=True, email=to).first()
    if account is None:
        return None
    from vsaas.alarms import telling  # which posts this letter

    actor = actor_of(account)
    rows = telling.told_of(actor, telling.wish_of(actor))
    since, until = (clock.from_us(int(about[name])) for name in ("from_us", "to_us"))
    found = list(
        telling.news(rows, since, until)
        .select_related("camera__site", "agent__site")
        .order_by("camera_id", "agent__name", "noticed_at", "id")
    )
    if not found:
        return None
    with in_language_of(account):
        open_ones = [one for one in found if one.ended_at is None]
        lines = [line_of(one) for one in sorted(found, key=lambda one: one.ended_at is not None)]
        return Letter(
            _subject(open_ones, found),
            (
                _("Hello %(name)s,") % {"name": account.name},
                *lines[:LINES_MOST],
                *_more(len(lines) - LINES_MOST),
            ),
            (_("Look at the alarms"), page("alarms")),
            (
                _("You look after cameras at %(organisation)s. What you are told, you choose on the page of alarms.")
                % {"organisation": organisation()},
            ),
        )  # fmt: skip


def post(account: Account, since: dt.datetime, until: dt.datetime) -> None:
    """Writes to the account about what happened between two moments."""
    about = {
        "account": str(account.pk),
        "from_us": str(clock.to_us(since)),
        "to_us": str(clock.to_us(until)),
    }
    outbox.post(alarms, account.email, about, language=account.language or None)


def _subject(open_ones: list[Alarm], found: list[Alarm]) -> str:
    if not open_ones:
        if len(found) == 1:
            return _("%(name)s is back") % {"name": name_of(found[0])}
        return _("%(organisation)s: all is back") % {"organisation": organisation()}
    if len(open_ones) == 1:
        return _("%(name)s is silent") % {"name": name_of(open_ones[0])}
    words = {"count": len(open_ones), "organisation": organisation()}
    return (
        ngettext(
            "%(organisation)s: %(count)d is silent", "%(organisation)s: %(count)d are silent", len(open_ones)
        )
        % words
    )


def _more(count: int) -> list[str]:
    if count <= 0:
        return []
    return [ngettext("And %(count)d more.", "And %(count)d more.", count) % {"count": count}]


def name_of(alarm: Alarm) -> str:
    """The camera, or the agent."""
    return alarm.camera.name if alarm.camera is not None else alarm.agent.name


def sentence_of(alarm: Alarm) -> str:
    """What is, or was, the matter."""
    if alarm.camera is None:
        return _("The agent is not heard.")
    return str(SENTENCES.get(alarm.cause, _("The camera is not recorded.")))


def line_of(alarm: Alarm) -> str:
    """One alarm in a message: what, where, why, since when."""
    site = alarm.agent.site if alarm.camera is None else alarm.camera.site
    words = {
        "name": name_of(alarm),
        "site": site.name,
        "why": sentence_of(alarm),
        "began": _moment(alarm.began_at, site.timezone),
    }
    if alarm.ended_at is not None:
        words["ended"] = _moment(alarm.ended_at, site.timezone)
        words["length"] = length_text((alarm.ended_at - alarm.began_at).total_seconds())
        if alarm.camera is None:
            return _("%(name)s (%(site)s) is heard again. It was silent from %(began)s to %(ended)s (%(length)s); what it "
                     "recorded meanwhile comes by itself.") % words  # fmt: skip
        return (
            _(
                "%(name)s (%(site)s) is recorded again. It was not recorded from %(began)s to %(ended)s (%(length)s)."
            )
            % words
        )
    if alarm.camera is None:
        count = Camera.objects.filter(agent=alarm.agent, deleted_at=None, enabled=True).count()
        words["cameras"] = ngettext("%(count)d camera", "%(count)d cameras", count) % {"count": count}
        return _("%(name)s (%(site)s): %(why)s Silent since %(began)s. It records %(cameras)s.") % words
    return _("%(name)s (%(site)s): %(why)s Since %(began)s.") % words


def _moment(at: dt.datetime, zone: str) -> str:
    there = at.astimezone(ZoneInfo(zone))
    return _("%(date)s, %(time)s") % {
        "date": date_format(there.date(), "SHORT_DATE_FORMAT"),
        "time": f"{there:%H:%M:%S %Z}",
    }
