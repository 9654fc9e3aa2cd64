"""`manage.py outbox [--tenant SLUG]`: the messages a portal without a mail server keeps, links included."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from tenants.scope import platform_scope, tenant_scope
from vsaas.common.commands import TenantCommand
from vsaas.mail.models import PLATFORM, Message, Outgoing, PlatformMessage
from vsaas.mail.sealed import letter_of


class Command(TenantCommand):
    """For whoever is not signed in, and so cannot open the page: who forgot the only owner's password, above all."""

    help = "Prints the messages kept on this machine (VSAAS_MAIL_OUTBOX_PAGE), the newest last."

    def run(self, **options: Any) -> None:
        if not settings.ENV.mail_outbox_page:
            raise CommandError(
                "messages are kept only where VSAAS_MAIL_OUTBOX_PAGE is set; here they are sent"
            )
        with tenant_scope(self.tenant_id(options)):
            kept = list(Message.objects.filter(state=Message.State.KEPT, sealed__isnull=False))
        with platform_scope(PLATFORM):
            kept += PlatformMessage.objects.filter(state=Message.State.KEPT, sealed__isnull=False)
        for message in sorted(kept, key=lambda one: one.created_at):
            self._print(message)

    def _print(self, message: Outgoing) -> None:
        letter = letter_of(message)
        if letter is None:
            return
        self.stdout.write(
            f"To: {message.to}\nSubject: {letter.subject}\nDate: {message.created_at:%Y-%m-%d %H:%M} UTC\n\n"
        )
        button = () if letter.button is None else (f"{letter.button[0]}: {letter.button[1]}",)
        self.stdout.write("\n\n".join((*letter.lines, *button, *letter.after)) + "\n\n")
