"""What is audited about alarms."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from vsaas.audit.acts import declare, one_of

NOTHING = gettext_noop("of nothing")
ALL = gettext_noop("of all sites")
SOME = gettext_noop("of single sites")

CHOSEN = declare(
    "alarms.chosen", _("{actor} chose to be told of alarms by mail: {told}"), told=one_of(NOTHING, ALL, SOME)
)
