"""What `make up`, `make backup` and `make restore` ask of the portal's own code: to make what is missing, to record a
camera, to write an act down, and to look after what was restored.

Runs as a process of its own with the portal's settings: `python -m vsaas.onebox.cloud QUESTION`. The question
comes as JSON on standard input, since a camera's address holds a password; the answer is JSON.
"""

import json
import os
import shutil
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import django

RETENTION_DAYS = 30
QUOTA_GB_MOST = 20.0
NUMBERS_BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
"""A restored portal numbers its orders by the seconds since then: beyond any number an agent may have seen after the
backup was made, and after an earlier restore of the same one."""


def prepare(wanted: dict[str, str]) -> dict[str, Any]:
    """Bucket, key file, tenant {slug, name, site} and its keys, made where they are missing.

    Returns {tenant, root_fingerprint, owner: bool, agents: [ids of those not revoked]}.
    """
    from django.core.management import call_command

    from tenants.lookups import tenant_by_slug
    from tenants.scope import tenant_scope
    from vsaas.accounts.setup import has_owner
    from vsaas.agents.models import Agent
    from vsaas.keys.services import root_fingerprint

    with redirect_stdout(sys.stderr):
        call_command("bucket_init")
        call_command("kms_init")
        if tenant_by_slug(wanted["slug"]) is None:
            call_command("tenant_create", slug=wanted["slug"], name=wanted["name"], site=wanted["site"])
            call_command("footage_policy", tenant=wanted["slug"], days=RETENTION_DAYS, quota_gb=_quota_gb())
        call_command("tenant_keys", tenant=wanted["slug"])
    tenant_id = found(wanted["slug"])
    with tenant_scope(tenant_id):
        return {
            "tenant": str(tenant_id),
            "root_fingerprint": root_fingerprint(tenant_id).hex(),
            "owner": has_owner(),
            "agents": [str(agent.id) for agent in Agent.objects.filter(revoked_at=None)],
        }


def _quota_gb() -> float:
    """So much footage is kept that this machine's disk never fills: QUOTA_GB_MOST, or half of what is free."""
    free_gb = shutil.disk_usage(Path(__file__).parent).free / 1e9
    return round(min(QUOTA_GB_MOST, free_gb / 2), 1)


def found(slug: str) -> UUID:
    """Id of the tenant of this name."""
    from tenants.lookups import tenant_by_slug

    tenant = tenant_by_slug(slug)
    if tenant is None:
        raise SystemExit(f"there is no tenant {slug!r}")
    return tenant.id


def camera(wanted: dict[str, Any]) -> dict[str, Any]:
    """Makes `wanted` ({slug, agent, id, name, main, sub, changed, others}) the camera that is recorded; returns {id, name}.

    The camera `id` (or, without one, the agent's camera of this name) is switched on and, when `changed`, given
    these addresses; where there is none it is added. Of `others` (ids) those switched on are switched off; their
    recordings stay.
    """
    from tenants.scope import tenant_scope
    from vsaas.agents.models import Agent
    from vsaas.audit.services import system
    from vsaas.cameras.models import Camera
    from vsaas.cameras.services import CameraChange, NewCamera, camera_add, camera_update

    by = system("make up")
    with tenant_scope(found(wanted["slug"])):
        agent = Agent.objects.get(id=wanted["agent"])
        for other in Camera.objects.filter(id__in=wanted["others"], enabled=True, deleted_at=None):
            camera_update(other, CameraChange(enabled=False), by)
        ours = Camera.objects.filter(agent=agent, deleted_at=None)
        known = (
            ours.filter(id=wanted["id"]).first() if wanted["id"] else ours.filter(name=wanted["name"]).first()
        )
        if known is None:
            known = camera_add(
                agent, NewCamera(_free_name(wanted["name"]), wanted["main"], wanted["sub"]), by
            )
        elif wanted["changed"] or not known.enabled:
            change = CameraChange(enabled=True, main_url=wanted["main"], sub_url=wanted["sub"] or "")
            camera_update(known, change, by)
        return {"id": str(known.id), "name": known.name}


def _free_name(name: str) -> str:
    """`name`, or with a number after it where another agent's camera has it."""
    from vsaas.cameras.models import Camera

    taken = set(Camera.objects.filter(deleted_at=None).values_list("name", flat=True))
    names = (f"{name} {number}" if number > 1 else name for number in range(1, len(taken) + 2))
    return next(free for free in names if free not in taken)


def copied(wanted: dict[str, Any]) -> dict[str, Any]:
    """Writes into every organisation's log that its keys are being copied; a key in a backup is no longer the only one."""
    from tenants.lookups import tenants_for_task
    from tenants.scope import tenant_scope
    from vsaas.audit.services import record_act, system
    from vsaas.keys.acts import KEY_STORE_COPIED

    for tenant in tenants_for_task("a backup is written into each organisation's log"):
        with tenant_scope(tenant):
            record_act(KEY_STORE_COPIED, system("make backup"))
    return {}


def restored(wanted: dict[str, Any]) -> dict[str, Any]:
    """Makes databases that were restored as of `made` fit to go on; returns {organisations, keys_missing: key periods}.

    The key file must open every organisation's keys. What was open when the backup was made and may have been closed
    since is closed: sessions, set-up links, enrolment codes. Agents get their orders anew, under numbers beyond any they
    may have seen.
    """
    from tenants.lookups import tenants_for_task
    from tenants.scope import tenant_scope
    from vsaas.audit.services import record_act, system
    from vsaas.keys.acts import KEY_STORE_RESTORED

    by, missing = system("make restore"), 0
    tenants = tenants_for_task("looks after what was restored, organisation by organisation")
    for tenant in tenants:
        with tenant_scope(tenant, keys=True):
            _try_keys()
            missing += _keys_missing(tenant)
            _close_doors()
            _tell_agents()
            record_act(KEY_STORE_RESTORED, by, made=wanted["made"])
    return {"organisations": len(tenants), "keys_missing": missing}


def _try_keys() -> None:
    from vsaas.keys.models import TenantKey
    from vsaas.keys.tenant_keys import open_private

    for key in TenantKey.objects.filter(wrapped_private__isnull=False):  # what the customer holds was erased
        open_private(key)


def _keys_missing(tenant: UUID) -> int:
    """How many key periods with footage that is kept have no envelope."""
    from vsaas.footage.models import FootageHour
    from vsaas.keys.services import known_key_ids

    needed = {bytes(key) for keys in FootageHour.objects.values_list("key_ids", flat=True) for key in keys}
    return len(needed - known_key_ids(tenant, needed))


def _close_doors() -> None:
    from vsaas.accounts.models import AccountLink, Session, SetupLink
    from vsaas.agents.models import EnrolmentCode
    from vsaas.common import clock
    from vsaas.mail.models import Message

    now = clock.now()
    Session.objects.all().delete()
    AccountLink.objects.filter(used_at=None, expires_at__gt=now).update(expires_at=now)
    # They were sent since, and what they speak of may not have happened in this copy.
    Message.objects.filter(state__in=Message.OPEN).delete()
    SetupLink.objects.filter(used_at=None, expires_at__gt=now).update(expires_at=now)
    EnrolmentCode.objects.filter(used_at=None, expires_at__gt=now).update(expires_at=now)


def _tell_agents() -> None:
    from vsaas.agents.commands import newest_command_number
    from vsaas.agents.models import Agent
    from vsaas.cameras.commands import tell_agent

    beyond = int((datetime.now(UTC) - NUMBERS_BEGAN).total_seconds())
    for agent in Agent.objects.filter(revoked_at=None):
        tell_agent(agent, skip=max(0, beyond - newest_command_number(agent.id)))


def main(arguments: list[str]) -> int:
    """Answers one question."""
    questions = {"prepare": prepare, "camera": camera, "copied": copied, "restored": restored}
    if len(arguments) != 1 or arguments[0] not in questions:
        print(f"usage: python -m vsaas.onebox.cloud {{{'|'.join(questions)}}}", file=sys.stderr)
        return 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vsaas.settings")
    django.setup()
    from django.core.management import CommandError

    from tenants.errors import VsaasError

    try:
        print(json.dumps(questions[arguments[0]](json.load(sys.stdin))))
    except VsaasError as error:
        print(error.detail or error.title, file=sys.stderr)
        return 1
    except CommandError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
