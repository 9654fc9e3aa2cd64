"""Errors of live viewing."""

from django.utils.translation import gettext_lazy as _

from vsaas.common.errors import BadRequest, Gone


class LiveMessageRefused(BadRequest):
    """A message of an agent's media socket is not of the shape SPEC 7 lays down."""

    problem = "bad-live-message"


class TicketRefused(Gone):
    """A live ticket is unknown, used or too old. Ask for another with POST /api/v1/live."""

    problem = "ticket-refused"
    title = _("This ticket opens nothing any more")
