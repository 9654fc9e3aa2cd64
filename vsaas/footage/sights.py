"""Which recorded time of cameras somebody may see, in the steps in which its keys are given out."""

from dataclasses import replace
from functools import cached_property

from tenants.access import Actor
from tenants.permissions import Permission
from tenants.sight import Sight, sight
from vsaas.cameras.models import Camera
from vsaas.keys.services import is_held


class Sights:
    """What the actor of one request may see of cameras."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor

    def of(self, camera: Camera, permission: Permission, *more: Permission) -> Sight:
        """As `tenants.sight.sight`; by whole hours where the customer holds the keys, since an hour has one key. One query in
        all where hours limit anything."""
        seen = sight(self.actor, camera, permission, *more)
        return replace(seen, whole_hours=True) if seen.limited and self._whole_hours else seen

    @cached_property
    def _whole_hours(self) -> bool:
        return is_held()
