"""What an agent reports of cameras in the network, in sentences for people."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from protocol.camera_certificate import INTERRUPTED, NOT_SIGNED, OTHER_SHOWN
from protocol.finding import (
    CLOCK_WRONG,
    FACTORY_LOGIN,
    OLD_TLS,
    OPEN_ONVIF,
    OPEN_RTSP,
    PLAIN_HTTP,
)
from vsaas.cameras.finding import BUSY, STOPPED
from vsaas.cameras.testing import REASONS

FINDINGS: dict[str, Promise] = {
    FACTORY_LOGIN: _("It takes the password it left the factory with: change it."),
    OPEN_RTSP: _("Its picture is shown to everybody without a password: switch RTSP authentication on."),
    OPEN_ONVIF: _("It tells what it is to everybody without a password."),
    OLD_TLS: _("It speaks an old version of TLS: update its firmware."),
    PLAIN_HTTP: _("It is spoken to without encryption: switch HTTPS on."),
    CLOCK_WRONG: _("Its clock is more than a minute off: give it a time server."),
}
"""The gravest first."""

CAUSES: dict[str, tuple[Promise, Promise]] = {
    **{name: REASONS[name] for name in ("no-route", "unknown-name", "timeout", "closed")},
    "refused": (
        _("The device at this address refuses the connection."),
        _("Check the port, and whether ONVIF is switched on in the camera."),
    ),
    "tls": (
        _("The camera does not speak TLS at this port."),
        _("Begin the address with http:// instead of https://, or check the port."),
    ),
    "certificate": (
        _("The camera shows another certificate than the accepted one."),
        _(
            "If its certificate was renewed, accept the new one in the camera's settings; if not, something stands between camera "
            "and agent."
        ),
    ),
    "credentials": (
        _("The camera refuses the user name or the password."),
        _(
            "Type them again. Many cameras have users of their own for ONVIF, which are made in the camera's settings."
        ),
    ),
    "locked": (
        _("The camera has locked this user after too many wrong passwords."),
        _("Wait half an hour, then look again with the right password."),
    ),
    "not-onvif": (
        _("What answers at this address does not speak ONVIF."),
        _("Switch ONVIF on in the camera, or add the camera by its RTSP address."),
    ),
    "unsupported": (
        _("The camera does not offer this by ONVIF."),
        _("Add the camera by its RTSP address."),
    ),
    "redirect": (
        _("The camera sends us to another address, which is not followed."),
        _("Look at the address it should be reached at: often https:// instead of http://."),
    ),
    "too-large": (
        _("The camera answers with more than any camera should."),
        _("Check whether it is a camera, and whether its firmware is current."),
    ),
    "forbidden-address": (
        _("No camera can have this address."),
        _("Type the address of the camera."),
    ),
    "refused-setting": (
        _("The camera refuses what it was asked."),
        _("Choose another value, or look into the camera's own settings: some values go with others only."),
    ),
    "no-video": (
        _("The camera offers no video stream by ONVIF."),
        _("Make a profile with video in the camera's settings, then look again."),
    ),
    "unusable": (
        _("What the camera answers cannot be used."),
        _("Check whether its firmware is current, or add it by its RTSP address."),
    ),
}

STATES: dict[str, tuple[Promise, Promise]] = {
    STOPPED: (
        _("The agent did not finish in time."),
        _(
            "Look at the agent's page whether it is connected, then try again. What it found so far stands here."
        ),
    ),
    BUSY: (
        _("The agent has another search or look to finish first."),
        _("Try again in a minute."),
    ),
}
CERTIFICATE_CAUSES: dict[str, tuple[Promise, Promise]] = CAUSES | {
    OTHER_SHOWN: (
        _("The camera took the certificate and goes on showing another one."),
        _("Restart the camera, then try again; some show a new certificate only after that."),
    ),
    NOT_SIGNED: (
        _("The camera's request was not signed."),
        _(
            "Try again. Where that fails too, the camera's key is of a kind that is not accepted: update its firmware."
        ),
    ),
    INTERRUPTED: (
        _("It was broken off: the agent was stopped, or lost its connection, meanwhile."),
        _("The camera shows its former certificate or the new one, and is recorded either way. Try again."),
    ),
    "unsupported": (
        _("The camera does not let certificates be managed by ONVIF (Advanced Security)."),
        _("Accept the certificate it shows instead."),
    ),
}
"""Why a camera got no certificate, and what to do."""
