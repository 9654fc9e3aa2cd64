"""Errors of cameras; `vsaas.common.problems` maps them like every other."""

from django.utils.translation import gettext_lazy as _

from vsaas.common.errors import Conflict, Gone, InvalidField


class InvalidCamera(InvalidField):
    """A field of a camera is wrong; the message never quotes an address, which holds a password."""

    problem = "invalid-camera"
    words = {
        "main_url": _("main address"),
        "sub_url": _("sub address"),
        "retention_days": _("retention days"),
    }


class CameraNameTaken(Conflict):
    """The site has a camera of this name already."""

    problem = "camera-name-taken"


class CameraAddedAlready(Conflict):
    """This very camera of a look or an import was added before."""

    problem = "camera-added-already"


class InvalidSearch(InvalidField):
    """What is to be searched, looked at or imported is wrong."""

    problem = "invalid-search"


class NotReady(Conflict):
    """The agent has not finished looking, or the camera was not seen."""

    problem = "not-ready"


class InvalidView(InvalidField):
    """A field of a saved view is wrong."""

    problem = "invalid-view"


class ViewNameTaken(Conflict):
    """The account keeps a view of this name already."""

    problem = "view-name-taken"


class CannotSteer(Conflict):
    """The camera offers no such way to be steered."""

    problem = "cannot-steer"


class SomebodySteers(Conflict):
    """Somebody else steers the camera at this moment."""

    problem = "somebody-steers"


class InvalidSteering(InvalidField):
    """An act of steering lacks what it is about."""

    problem = "invalid-steering"


class AgentGone(Conflict):
    """The agent that should record the camera is revoked."""

    problem = "agent-revoked"


class CameraDeleted(Gone):
    """The camera was deleted; its recordings stay or go as its deletion said."""

    problem = "camera-deleted"


class StaleVersion(Conflict):
    """Somebody else changed the object since it was read. `extra["version"]` is its version now."""

    problem = "stale-version"

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            _("somebody else has changed %(name)s meanwhile: read it again, then repeat your change")
            % {"name": name},
            extra={"version": version},
        )


class InvalidSite(InvalidField):
    """A field of a site is wrong."""

    problem = "invalid-site"


class SiteNameTaken(Conflict):
    """The organisation has a site of this name already."""

    problem = "site-name-taken"


class SiteNotEmpty(Conflict):
    """Something still belongs to the site."""

    problem = "site-not-empty"


class InvalidPasswordChange(InvalidField):
    """What is to be changed, how or when, is wrong."""

    problem = "invalid-password-change"


class NothingToReveal(Conflict):
    """No password of this camera is known here, or none that can be opened."""

    problem = "no-password-known"


class PasswordUnderWay(Conflict):
    """The password of the camera is being changed already."""

    problem = "password-under-way"


class InvalidCheck(InvalidField):
    """What is said of a point of a checklist cannot be said of it."""

    problem = "invalid-check"


class PointsOpen(Conflict):
    """Points of the checklist are to be done, or there is no camera: nothing can be signed off."""

    problem = "points-open"
