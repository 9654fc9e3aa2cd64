"""Saved views of the wall: kept by one account, shown to others where shared. Every function runs inside the tenant's
scope, and decides who may: `camera:view` anywhere shows views, `view:edit` beside it keeps views of one's own."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.access import Actor
from tenants.errors import Denied, NotFound
from tenants.permissions import CAMERA_VIEW, TENANT_EDIT, VIEW_EDIT
from vsaas.audit.services import differences, record_act, what, who
from vsaas.cameras.acts import VIEW_CHANGED, VIEW_REMOVED, VIEW_SAVED
from vsaas.cameras.errors import InvalidView, ViewNameTaken
from vsaas.cameras.models import Camera, SavedView
from vsaas.cameras.services import present
from vsaas.common import clock

VIEWS_MOST = 100
CAMERAS_MOST = 500
CAROUSEL_S = (5, 3600)


def visible_views(actor: Actor) -> QuerySet[SavedView]:
    """The actor's own views and those shared with the organisation."""
    access.require(actor, CAMERA_VIEW)
    return SavedView.objects.filter(Q(account_id=actor.account_id) | Q(shared=True))


def view_to_change(actor: Actor, view_id: UUID) -> SavedView:
    """A view the actor may change: their own, or a shared one where they may change the organisation's settings.
    Raises NotFound for what they do not see, Denied for what they only see."""
    access.require(actor, VIEW_EDIT)
    view = visible_views(actor).filter(id=view_id).first()
    if view is None:
        raise NotFound()
    if not _may_change(actor, view):
        raise Denied(_("this view belongs to somebody else: save it under a name of your own to change it"))
    return view


def _may_change(actor: Actor, view: SavedView) -> bool:
    own_or_tidying = view.account_id == actor.account_id or actor.tenant_wide(TENANT_EDIT)
    return actor.holds(VIEW_EDIT) and own_or_tidying


def view_add(actor: Actor, values: Mapping[str, Any]) -> SavedView:
    """Keeps a view. `values`: name, layout, cameras (ids), carousel_s, shared. Raises InvalidView, ViewNameTaken, NotFound."""
    access.require(actor, VIEW_EDIT)
    access.require(actor, CAMERA_VIEW)
    if SavedView.objects.filter(account_id=actor.account_id).count() >= VIEWS_MOST:
        raise InvalidView(
            "name", _("you keep %(most)s views already: remove one first") % {"most": VIEWS_MOST}
        )
    view = SavedView(account_id=actor.account_id)
    _apply(actor, view, values)
    _save(view)
    record_act(VIEW_SAVED, who(actor), what(view), shared=view.shared)
    return view


def view_update(actor: Actor, view: SavedView, values: Mapping[str, Any]) -> SavedView:
    """Changes what `values` name, the rest stays. Raises as `view_add`. No change, no act."""
    before = {name: getattr(view, name) for name in values}
    changed = _apply(actor, view, values)
    if changed:
        _save(view)
        told = differences(before, {name: getattr(view, name) for name in changed})
        record_act(VIEW_CHANGED, who(actor), what(view), changed=", ".join(changed), **told)
    return view


def view_remove(actor: Actor, view: SavedView) -> None:
    """Removes a view."""
    gone = what(view)
    view.delete()
    record_act(VIEW_REMOVED, who(actor), gone)


def views_json(actor: Actor, views: Iterable[SavedView]) -> list[dict[str, Any]]:
    """Views as `GET /api/v1/views` answers. Of each only the cameras the actor may see; how many others it holds is said.
    Two queries, whatever the number of views."""
    seen = set(access.visible(actor, CAMERA_VIEW, present(Camera.objects.all())).values_list("id", flat=True))
    return [_json(actor, view, seen) for view in views]


def _json(actor: Actor, view: SavedView, seen: set[UUID]) -> dict[str, Any]:
    cameras = [str(camera) for camera in view.cameras if camera in seen]
    return {
        "id": str(view.id),
        "name": view.name,
        "layout": view.layout,
        "cameras": cameras,
        "not_shown": len(view.cameras) - len(cameras),
        "carousel_s": view.carousel_s,
        "shared": view.shared,
        "own": view.account_id == actor.account_id,
        "may": {"change": _may_change(actor, view)},
    }


def _apply(actor: Actor, view: SavedView, values: Mapping[str, Any]) -> list[str]:
    wanted = dict(values)
    if "name" in wanted:
        wanted["name"] = _name(wanted["name"])
    if "cameras" in wanted:
        wanted["cameras"] = _cameras(actor, view, wanted["cameras"])
    changed = [name for name, value in wanted.items() if getattr(view, name) != value]
    for name in changed:
        setattr(view, name, wanted[name])
    return changed


def _name(name: str) -> str:
    name = name.strip()
    if not name or not name.isprintable():
        raise InvalidView("name", _("must be 1 to 80 printable characters"))
    return name


def _cameras(actor: Actor, view: SavedView, ids: list[UUID]) -> list[UUID]:
    """The wanted cameras, each of which the actor must see; those of the view they do not see stay, at its end."""
    seen = set(access.visible(actor, CAMERA_VIEW, present(Camera.objects.all())).values_list("id", flat=True))
    wanted = list(dict.fromkeys(ids))
    if not seen.issuperset(wanted):
        raise NotFound(_("one of these cameras does not exist"))
    return wanted + [camera for camera in view.cameras or () if camera not in seen]


def _save(view: SavedView) -> None:
    view.changed_at = clock.now()
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise ViewNameTaken(
            _("you keep a view called %(view)s already: choose another name") % {"view": view.name}
        ) from error
