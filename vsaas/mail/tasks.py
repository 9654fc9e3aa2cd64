"""Sending in the background."""

from __future__ import annotations

from uuid import UUID

from tenants.lookups import tenants_for_task, tenants_with_mail
from vsaas.common.tasks import for_each, platform_task
from vsaas.mail import sending

EVERY_S = 20.0


@platform_task("hands one message of a tenant to the mail server; claims it in the tenant's scope")
def send_message(tenant_id: str, message_id: str) -> None:
    """Outside any transaction while the mail server is spoken to."""
    sending.send(sending.Box(UUID(tenant_id)), UUID(message_id))


@platform_task("hands one message of the platform to the mail server")
def send_platform_message(message_id: str) -> None:
    """The same for a message that belongs to no tenant."""
    sending.send(sending.Box(None), UUID(message_id))


@platform_task(
    "sends what waits in the outboxes, whatever became of the task that was to send it", every_s=EVERY_S
)
def send_waiting() -> None:
    """The outbox is the truth; the queue only makes it quick."""
    for tenant_id in tenants_with_mail():
        with sending.Box(tenant_id).open():
            for message_id in sending.due(sending.Box(tenant_id)):
                send_message.enqueue(str(tenant_id), str(message_id), expires_s=EVERY_S)
    with sending.Box(None).open():
        for message_id in sending.due(sending.Box(None)):
            send_platform_message.enqueue(str(message_id), expires_s=EVERY_S)


@platform_task("empties and removes messages that were sent or given up, tenant by tenant", every_s=3600)
def remove_old_messages() -> None:
    """Each hour."""

    def remove(tenant_id: UUID | None) -> None:
        box = sending.Box(tenant_id)
        with box.open():
            sending.remove_old(box)

    for_each([*tenants_for_task("remove old messages"), None], remove)
