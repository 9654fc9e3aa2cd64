"""What is audited about mail."""

from django.utils.translation import gettext_lazy as _

from vsaas.audit.acts import declare

NOT_DELIVERED = declare("mail.not-delivered", _("A message to {to} could not be delivered: {error}"))
TRIED_AGAIN = declare("mail.tried-again", _("{actor} had the message to {to} sent again"))
READ_HERE = declare("mail.read", _("{actor} read the message to {to} on this machine"))
