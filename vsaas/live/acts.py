"""What happens in live view and is audited."""

from django.utils.translation import gettext_lazy as _

from vsaas.audit.acts import declare, watching

WATCHED = declare("live.watched", _("{actor} watched {object} live"), ["stream", "view"])
ENDED = declare(
    "live.ended", _("{actor} watched {object} live, {from_time} to {to_time}"), ["stream", "view"]
)
WITHDRAWN = declare(
    "live.withdrawn", _("the live view of {object} was ended for {actor}: the right or the session ended")
)
CLOSED = declare(
    "live.closed", _("the live view of {object} was ended for {actor}: the hours of live view were over")
)
CLONED = declare("live.cloned", _("two boxes answered as {actor} at the same time"))

watching(WATCHED, ENDED)
