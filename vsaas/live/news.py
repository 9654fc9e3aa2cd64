"""Changes that may end somebody's live view, told to the hubs at once; their own look every two seconds finds the rest."""

from __future__ import annotations

import functools
import logging
from typing import Any
from uuid import UUID

import redis
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from tenants.models import Membership, OrganisationRole, Tenant
from vsaas.accounts.models import Account, Session
from vsaas.cameras.models import Camera
from vsaas.common.redis import client

logger = logging.getLogger(__name__)

ACCESS_PREFIX = "vsaas:access:"


def connect() -> None:
    """Listen to what rights rest on."""
    for model in (Tenant, Membership, OrganisationRole, Camera, Account):
        post_save.connect(_changed, sender=model, dispatch_uid=f"live-{model.__name__}-saved")
    for model in (Membership, OrganisationRole, Session):
        post_delete.connect(_changed, sender=model, dispatch_uid=f"live-{model.__name__}-deleted")


def _changed(sender: Any, instance: Any, **kwargs: Any) -> None:
    transaction.on_commit(functools.partial(_publish, instance.tenant_id))


def _publish(tenant_id: UUID) -> None:
    try:
        client().publish(f"{ACCESS_PREFIX}{tenant_id}", b"")
    except redis.RedisError as error:
        logger.warning("a change of access was not announced: Redis does not answer (%s)", error)
