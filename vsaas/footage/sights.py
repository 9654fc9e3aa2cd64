"""Which recorded time of a camera somebody may see, in the steps in which its keys are given out."""

from dataclasses import replace

from tenants.access import Actor
from tenants.permissions import Permission
from tenants.sight import Sight, sight
from vsaas.cameras.models import Camera
from vsaas.keys.services import is_held


def sight_of(actor: Actor, camera: Camera, permission: Permission, *more: Permission) -> Sight:
    """As `tenants.sight.sight`; by whole hours where the customer holds the keys, since an hour has one key. One query where
    hours limit anything."""
    seen = sight(actor, camera, permission, *more)
    return replace(seen, whole_hours=True) if seen.limited and is_held() else seen
