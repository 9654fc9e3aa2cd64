"""What became of a camera's password, in sentences for people."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vsaas.cameras.finding_words import CAUSES as LOOK_CAUSES
from vsaas.cameras.models import PasswordState
from vsaas.cameras.passwords import ADDRESS_CHANGED, NO_ANSWER, NO_FORMER, OFFLINE, REVOKED

CAUSES: dict[str, tuple[Promise, Promise]] = {
    **LOOK_CAUSES,
    "credentials": (
        _("The camera refuses the user or password it is recorded with, or that user is no administrator."),
        _("Type an administrator's user and password on the camera's page, then try again."),
    ),
    "locked": (
        _("The camera has locked this user after too many wrong passwords."),
        _("Wait half an hour, then try again."),
    ),
    "unsupported": (
        _("The camera does not let users be changed by ONVIF."),
        _(
            "Change its password in the camera and type it on the camera's page, or use a plug-in for its make."
        ),
    ),
    "refused-setting": (
        _("The camera refuses the password."),
        _("Look for its rules in the camera's own settings: a former password may be too weak by now."),
    ),
    "rules": (
        _("The camera takes no password that is strong enough."),
        _("Update its firmware, or replace it."),
    ),
    "unusable": (
        _(
            "The agent cannot use what it was given: a former address of another box, or a plug-in that failed."
        ),
        _("Change the password instead of putting the former one back, or look into the plug-in."),
    ),
    "forbidden-address": (
        _(
            "The address for changing its password is not at the camera's own host: no other is shown a password."
        ),
        _("Correct it on the page Password of the camera, or leave it empty, then try again."),
    ),
    "no-user": (
        _("The camera does not list the user it is recorded with."),
        _("Type the user of an ONVIF administrator on the camera's page, then try again."),
    ),
    "interrupted": (
        _("The agent was stopped before the camera was changed. The former password holds."),
        _("Try again."),
    ),
    "unknown-camera": (
        _("The agent does not record this camera, or cannot open its address."),
        _("Look at the camera's page, then try again."),
    ),
    "unknown-way": (
        _("The agent has no plug-in of this name."),
        _("Install it on the box and name it in the setting password_ways, or choose ONVIF."),
    ),
    "unknown-former": (
        _("The agent puts back only passwords that it replaced itself, and does not know this one."),
        _("Change the password instead, or type another one on the camera's page."),
    ),
    "separate-users": (
        _("The camera has users for ONVIF beside those of its streams. The former password was put back."),
        _("Change its password in the camera and type it on the camera's page."),
    ),
    "separate-kept": (
        _(
            "The camera has users for ONVIF beside those of its streams, and did not take the former password back. Its streams go "
            "on with the former one; its user by ONVIF has the new one."
        ),
        _(
            "See the new one on the page Password of the camera, sign in to the camera with it, and set both alike."
        ),
    ),
    "not-kept": (
        _("The camera said that it took the new password, and kept the former one."),
        _("Update its firmware, then try again."),
    ),
    "unsettled": (
        _("The agent has another change of this device to finish first."),
        _("Try again in a few minutes."),
    ),
    "neither": (
        _(
            "The camera takes neither its former password nor the new one. The agent tries no further, so as not to lock it."
        ),
        _(
            "Restart the camera and look whether it takes one of them; else set a password in the camera and type it on its page."
        ),
    ),
    NO_ANSWER: (
        _("The agent has not reported in time. It may still: then it stands here."),
        _("Look whether the agent is connected and its software is current, then try again."),
    ),
    OFFLINE: (
        _("The agent was away for a day."),
        _("Look after the agent, then try again."),
    ),
    REVOKED: (
        _("The camera was deleted, or its agent is revoked."),
        _("There is nothing left to do."),
    ),
    ADDRESS_CHANGED: (
        _("The camera has the new password, but somebody typed another address for it meanwhile."),
        _("See the new one on the page Password of the camera, and type it into its address."),
    ),
    NO_FORMER: (
        _("No former password of this camera is kept."),
        _("Change its password instead."),
    ),
}

STATES: dict[str, tuple[str, str, Promise]] = {
    PasswordState.WAITING: ("", "wait", _("Waiting")),
    PasswordState.ASKED: ("info", "wait", _("Under way")),
    PasswordState.DONE: ("ok", "ok", _("Done")),
    PasswordState.FAILED: ("bad", "bad", _("Not done")),
}
"""Tone, icon and label."""
