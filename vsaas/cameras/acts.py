"""What is audited about cameras."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from vsaas.agents.acts import cameras_spoken
from vsaas.audit.acts import Data, declare, each_of, one_of
from vsaas.cameras.models import ALL_CAMERAS

MAIN_ADDRESS = gettext_noop("main address")
SUB_ADDRESS = gettext_noop("sub address")
RETENTION_DAYS = gettext_noop("retention days")
CERTIFICATE = gettext_noop("accepted certificate")
GO_AT_ONCE = gettext_noop("go at once")
STAY = gettext_noop("stay until the end of their retention")
A_NEW_CAMERA = gettext_noop("a new camera")


_camera_fields = each_of(
    MAIN_ADDRESS,
    SUB_ADDRESS,
    RETENTION_DAYS,
    CERTIFICATE,
    gettext_noop("name"),
    gettext_noop("audio"),
    gettext_noop("recording"),
    gettext_noop("events"),
    gettext_noop("detection"),
    gettext_noop("site"),
    gettext_noop("groups"),
)
_site_fields = each_of(gettext_noop("name"), gettext_noop("timezone"))
_view_fields = each_of(
    gettext_noop("name"),
    gettext_noop("layout"),
    gettext_noop("cameras"),
    gettext_noop("carousel_s"),
    gettext_noop("shared"),
)


CERTIFICATE_ORDERED = declare("camera.certificate-ordered", _("{actor} had a certificate issued to {object}"))
CERTIFICATE_HELD = declare(
    "camera.certificate-held",
    _("{object} shows the certificate issued to it, which counts as accepted: {fingerprint}"),
)
CERTIFICATE_FAILED = declare("camera.certificate-failed", _("{object} got no certificate ({cause})"))
STEERED = declare("camera.steered", _("{actor} steered {object}"))
PRESET_KEPT = declare("camera.preset-kept", _("{actor} kept a position of {object} as {preset}"))
PRESET_REMOVED = declare("camera.preset-removed", _("{actor} removed the position {preset} of {object}"))
ADDED = declare("camera.added", _("{actor} added {object} to the agent {agent}"))
CHANGED = declare(
    "camera.changed",
    _("{actor} changed {changed} of {object}"),
    ["before", "after"],
    changed=_camera_fields,
)
SWITCHED_ON = declare("camera.switched-on", _("{actor} switched the recording of {object} on"))
SWITCHED_OFF = declare("camera.switched-off", _("{actor} switched the recording of {object} off"))
DELETED = declare(
    "camera.deleted",
    _("{actor} deleted the camera {object}; its recordings {footage}"),
    footage=one_of(GO_AT_ONCE, STAY),
)
ADDRESS_TRIED = declare(
    "camera.address-tried", _("{actor} had {object} try the address of {camera}"), camera=one_of(A_NEW_CAMERA)
)
SEARCHED = declare("camera.searched", _("{actor} had {object} search its network for cameras"), ["ranges"])
LOOKED_AT = declare(
    "camera.looked-at",
    _("{actor} had {object} look at cameras of its network"),
    ["addresses", "factory_passwords"],
)
ASKED_WHAT_IT_OFFERS = declare(
    "camera.asked-what-it-offers", _("{actor} had the camera {object} asked what it offers")
)
CAMERA_SET = declare("camera.set", _("{actor} had {object} change the settings of the camera at {address}"))
PASSWORDS_ASKED = declare(
    "camera.passwords-asked",
    _("{actor} had the passwords of {count} changed: {about}"),
    ["cameras", "restores"],
    count=Data(cameras_spoken),
    about=one_of(ALL_CAMERAS),
)
PASSWORD_CHANGED = declare(
    "camera.password-changed", _("{actor} changed the password of {object}"), ["by_run"]
)
PASSWORD_FAILED = declare(
    "camera.password-not-changed", _("{actor} could not change the password of {object}: {cause}")
)
PASSWORD_REVEALED = declare(
    "camera.password-revealed", _("{actor} looked at the password of {object}"), ["which"]
)
PASSWORD_WAY = declare(
    "camera.password-way",
    _("{actor} changed how the password of {object} is changed"),
    ["before", "after"],
)
PASSWORD_SCHEDULED = declare(
    "camera.passwords-scheduled",
    _("{actor} has the passwords of cameras changed every {months} months: {about}"),
    ["hour"],
    about=one_of(ALL_CAMERAS),
)
PASSWORD_UNSCHEDULED = declare(
    "camera.passwords-unscheduled",
    _("{actor} ended a schedule of cameras' passwords: {about}"),
    about=one_of(ALL_CAMERAS),
)
CHECKED = declare("camera.checked", _("{actor} confirmed “{point}” on the checklist of {object}"))
CHECK_ACCEPTED = declare(
    "camera.check-accepted", _("{actor} accepted “{point}” on the checklist of {object} as it is"), ["reason"]
)
CHECK_REOPENED = declare(
    "camera.check-reopened", _("{actor} reopened “{point}” on the checklist of {object}")
)
SIGNED_OFF = declare(
    "site.signed-off",
    _("{actor} signed off {count} of the site {object}"),
    ["remarks"],
    count=Data(cameras_spoken),
)
SITE_ADDED = declare("site.added", _("{actor} added the site {object}, time zone {timezone}"))
SITE_CHANGED = declare(
    "site.changed",
    _("{actor} changed {changed} of the site {object}"),
    ["before", "after"],
    changed=_site_fields,
)
SITE_DELETED = declare("site.deleted", _("{actor} deleted the empty site {object}"))
VIEW_SAVED = declare("view.saved", _("{actor} saved the view {object}"), ["shared"])
VIEW_CHANGED = declare(
    "view.changed",
    _("{actor} changed {changed} of the view {object}"),
    ["before", "after"],
    changed=_view_fields,
)
VIEW_REMOVED = declare("view.removed", _("{actor} removed the view {object}"))
