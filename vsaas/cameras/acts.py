"""What is audited about cameras."""

from vsaas.audit.acts import declare

ADDED = declare("camera.added", "{actor} added {object} to the agent {agent}")
CHANGED = declare("camera.changed", "{actor} changed {changed} of {object}")
SWITCHED_ON = declare("camera.switched-on", "{actor} switched the recording of {object} on")
SWITCHED_OFF = declare("camera.switched-off", "{actor} switched the recording of {object} off")
DELETED = declare("camera.deleted", "{actor} deleted the camera {object}; its recordings {footage}")
ADDRESS_TRIED = declare("camera.address-tried", "{actor} had {object} try the address of {camera}")
SITE_ADDED = declare("site.added", "{actor} added the site {object}, time zone {timezone}")
SITE_CHANGED = declare("site.changed", "{actor} changed {changed} of the site {object}")
SITE_DELETED = declare("site.deleted", "{actor} deleted the empty site {object}")
VIEW_SAVED = declare("view.saved", "{actor} saved the view {object}")
VIEW_CHANGED = declare("view.changed", "{actor} changed {changed} of the view {object}")
VIEW_REMOVED = declare("view.removed", "{actor} removed the view {object}")
