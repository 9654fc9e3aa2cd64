"""What happens in live view and is audited."""

from vsaas.audit.acts import declare

WATCHED = declare("live.watched", "{actor} watched {object} live")
WITHDRAWN = declare(
    "live.withdrawn", "the live view of {object} was ended for {actor}: the right or the session ended"
)
CLONED = declare("live.cloned", "two boxes answered as {actor} at the same time")
