"""Setting a camera of a look: codec, bitrate and key frame interval of its streams, its time server and time zone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from protocol.finding import GOP_MAX, KBIT_S_MAX, TIME, EncoderSetting, Looked, Profile
from tenants import access
from tenants.declare import requires
from tenants.errors import NotFound
from tenants.middleware import signed_in
from tenants.permissions import CAMERA_EDIT
from vsaas.agents.errors import AgentOffline
from vsaas.agents.models import Agent
from vsaas.cameras.errors import InvalidSearch, NotReady
from vsaas.cameras.finding import LOOK, SETTING, begin_setting, found
from vsaas.cameras.finding_pages import asking_context, profile_label
from vsaas.cameras.finding_words import CAUSES
from vsaas.cameras.forms import zone_choices
from vsaas.common.errors import TooMany
from vsaas.common.links import tenant_url
from vsaas.common.sentences import sentence


class StreamForm(forms.Form):
    """One stream, as it is set; what is not changed is not sent."""

    codec = forms.ChoiceField(label=_("Codec"), required=False)
    kbit_s = forms.IntegerField(
        label=_("Bitrate (kbit/s)"), required=False, min_value=1, max_value=KBIT_S_MAX
    )
    gop = forms.IntegerField(
        label=_("Pictures from key frame to key frame"), required=False, min_value=1, max_value=GOP_MAX
    )

    def __init__(self, data: Any, *, profile: Profile, prefix: str) -> None:
        initial = {"codec": profile.codec, "kbit_s": profile.kbit_s or None, "gop": profile.gop or None}
        super().__init__(data, prefix=prefix, initial=initial)
        self.profile = profile
        self.label = profile_label(profile)
        choices = [("h264", "H.264"), ("h265", "H.265")]
        if profile.codec not in ("h264", "h265"):
            choices.insert(0, (profile.codec, profile.codec.upper()))
        self.fields["codec"].choices = choices  # type: ignore[attr-defined]

    def setting(self) -> EncoderSetting | None:
        """What is to change; None: nothing."""
        data = self.cleaned_data
        changed = {
            name: data[name]
            for name in ("codec", "kbit_s", "gop")
            if name in self.changed_data and data[name]
        }
        return EncoderSetting(self.profile.token, **changed) if changed else None


class ClockForm(forms.Form):
    """Where the camera takes its time from."""

    ntp = forms.CharField(
        label=_("Time server"),
        required=False,
        max_length=200,
        help_text=_("An address or a name the camera reaches. Empty: as it is."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"}
        ),
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].choices = [("", _("As it is")), *zone_choices()]  # type: ignore[attr-defined]


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def set_camera(request: HttpRequest, look_id: UUID, found_id: UUID) -> HttpResponse:
    """What the camera is set to, to be changed. It is signed in to as it was for the look."""
    actor = signed_in(request)
    look = found(actor, LOOK, look_id)
    agent = access.get(actor, CAMERA_EDIT, Agent.objects.select_related("site"), id=look.agent)
    if found_id not in look.targets:
        raise NotFound()
    seen = next((one for one in look.looks() if one.scope == found_id), None)
    if seen is None or seen.cause:
        raise NotReady(_("this camera was not seen: look at it again, with the right user and password"))
    data = request.POST if request.method == "POST" else None
    streams = [
        StreamForm(data, profile=profile, prefix=f"s{number}") for number, profile in enumerate(seen.profiles)
    ]
    clock = ClockForm(data)
    # Each is validated, whatever the others say, so that all that is wrong is shown at once.
    valid = [form.is_valid() for form in (*streams, clock)]
    if request.method == "POST" and all(valid):
        try:
            setting = begin_setting(
                agent,
                actor,
                look,
                found_id,
                encoders=[one for form in streams if (one := form.setting()) is not None],
                ntp=clock.cleaned_data["ntp"],
                time_zone=clock.cleaned_data["time_zone"],
            )
        except (AgentOffline, TooMany, InvalidSearch) as error:
            clock.add_error(None, sentence(error))
        else:
            address = tenant_url(request, "sites-camera-setting", setting_id=setting.id)
            return HttpResponseRedirect(f"{address}?look={look.id}")
    context = {
        "look": look,
        "title": _title(seen, look.targets[found_id].service),
        "streams": streams,
        "clock": clock,
        "now": seen.time_zone,
    }
    return render(request, "cameras/set.html", context, status=422 if data is not None else 200)


def _title(seen: Looked, service: str) -> str:
    return f"{seen.make} {seen.model}".strip() or service


@requires(CAMERA_EDIT)
@require_safe
def camera_setting(request: HttpRequest, setting_id: UUID) -> HttpResponse:
    """What the camera took of it. `?look=`: the look to go back to."""
    actor = signed_in(request)
    setting = found(actor, SETTING, setting_id)
    agent = access.get(actor, CAMERA_EDIT, Agent.objects.select_related("site"), id=setting.agent)
    rows = []
    for what, cause in setting.results():
        reason, next_step = CAUSES.get(cause, ("", ""))
        label = _("Clock") if what == TIME else _("Stream %(name)s") % {"name": what}
        rows.append({"label": label, "cause": cause, "reason": reason, "next_step": next_step})
    context = asking_context(setting, agent) | {"rows": rows, "look": _look_of(request)}
    return render(request, "cameras/setting.html", context)


def _look_of(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.GET.get("look", ""))
    except ValueError:
        return None
