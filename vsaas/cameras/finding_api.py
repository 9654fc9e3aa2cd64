"""Finding cameras and looking at them, in the REST API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from protocol.finding import (
    GOP_MAX,
    KBIT_S_MAX,
    PORTS_MAX,
    PROFILES_MAX,
    RANGES_MAX,
    TARGETS_MAX,
    TIME,
    Device,
    EncoderSetting,
    Looked,
)
from tenants import access
from tenants.declare import Requires
from tenants.permissions import CAMERA_EDIT
from vsaas.agents.errors import AgentOffline
from vsaas.agents.models import Agent
from vsaas.cameras.errors import AgentGone, InvalidSearch
from vsaas.cameras.finding import (
    LOOK,
    SEARCH,
    SETTING,
    Asking,
    Choice,
    Wanted,
    add_looked,
    begin_look,
    begin_search,
    begin_setting,
    found,
)
from vsaas.cameras.finding_replies import (
    ADDED,
    LOOK_BEGUN,
    SEARCH_BEGUN,
    SETTING_BEGUN,
    AddedAllReply,
    LookReply,
    SearchReply,
    SettingReply,
)
from vsaas.cameras.finding_replies import LOOK as LOOK_EXAMPLE
from vsaas.cameras.finding_replies import SEARCH as SEARCH_EXAMPLE
from vsaas.cameras.finding_replies import SETTING as SETTING_EXAMPLE
from vsaas.cameras.finding_words import CAUSES, FINDINGS, STATES
from vsaas.cameras.models import RETENTION_DAYS_MAX, Camera
from vsaas.cameras.services import GROUPS_MAX, NAME_CHARS_MAX
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import TooMany, Unavailable, VsaasError
from vsaas.common.fields import Fields, valid

_ASKING_PROBLEMS = (AgentOffline, TooMany, InvalidSearch, Unavailable)


class SearchFields(Fields):
    """A search."""

    agent = serializers.UUIDField()
    multicast = serializers.BooleanField(
        default=True, help_text="Ask all cameras of its network by WS-Discovery."
    )
    ranges = serializers.ListField(
        child=serializers.CharField(max_length=100),
        max_length=RANGES_MAX,
        required=False,
        help_text="Addresses to try for RTSP: 192.168.1.0/24, 192.168.1.20-192.168.1.60, or one; 1024 in all.",
    )
    ports = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=65535),
        min_length=1,
        max_length=PORTS_MAX,
        required=False,
        help_text="Ports to try at each; absent: 554.",
    )


class WantedFields(Fields):
    """A camera to look at."""

    service = serializers.CharField(
        max_length=1000, help_text="Its ONVIF device service, or its address alone."
    )
    user = serializers.CharField(max_length=200, required=False, allow_blank=True, trim_whitespace=False)
    password = serializers.CharField(max_length=500, required=False, allow_blank=True, trim_whitespace=False)
    said = serializers.CharField(
        max_length=400, required=False, allow_blank=True, help_text="Its name, as the search found it."
    )


class LookFields(Fields):
    """A look."""

    agent = serializers.UUIDField()
    cameras = serializers.ListField(child=WantedFields(), min_length=1, max_length=TARGETS_MAX)
    factory_passwords = serializers.BooleanField(
        default=False,
        help_text="Also try, once a day at the most, the password a camera of its make left the factory with.",
    )


class ChoiceFields(Fields):
    """A camera of a look to add."""

    id = serializers.UUIDField()
    name = serializers.CharField(max_length=NAME_CHARS_MAX, help_text="Once per site.")
    main = serializers.CharField(
        max_length=200, help_text="Token of the profile that is recorded as the main stream."
    )
    sub = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Of the sub stream."
    )
    audio = serializers.BooleanField(default=True)
    retention_days = serializers.IntegerField(
        min_value=1, max_value=RETENTION_DAYS_MAX, required=False, allow_null=True
    )
    groups = serializers.ListField(
        child=serializers.CharField(max_length=NAME_CHARS_MAX), max_length=GROUPS_MAX, required=False
    )


class ChoicesFields(Fields):
    """Cameras of a look to add."""

    cameras = serializers.ListField(child=ChoiceFields(), min_length=1, max_length=TARGETS_MAX)


class CameraSearches(ApiView):
    """POST: has an agent search its network for cameras."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Search for cameras",
        request=SearchFields,
        request_example={"agent": SEARCH_BEGUN["agent"], "ranges": ["192.168.1.0/24"]},
        reply=SearchReply,
        example=SEARCH_BEGUN,
        status=202,
        problems=_ASKING_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        """Ask for the outcome with the id this answers. Only addresses of private networks are tried."""
        fields = valid(SearchFields(data=request.data))
        agent = access.get(self.actor, CAMERA_EDIT, Agent.objects.all(), id=fields["agent"])
        search = begin_search(
            agent,
            self.actor,
            multicast=fields["multicast"],
            ranges=fields.get("ranges", []),
            ports=fields.get("ports", [554]),
        )
        return Response(search_json(search), status=202)


class CameraSearch(ApiView):
    """GET: how a search of one's own stands."""

    access = Requires(CAMERA_EDIT)

    @describe("Get a search for cameras", reply=SearchReply, example=SEARCH_EXAMPLE, problems=(Unavailable,))
    def get(self, request: Request, search_id: UUID) -> Response:
        """What was found so far. Ask every second or two: it is kept for half an hour once you have seen its end."""
        search, _agent = asking_of(self, SEARCH, search_id)
        return Response(search_json(search))


class CameraLooks(ApiView):
    """POST: has an agent look at cameras by ONVIF."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Look at cameras",
        request=LookFields,
        request_example={
            "agent": LOOK_BEGUN["agent"],
            "cameras": [{"service": "192.0.2.7", "user": "operator", "password": "correct horse"}],
        },
        reply=LookReply,
        example=LOOK_BEGUN,
        status=202,
        problems=_ASKING_PROBLEMS,
    )
    def post(self, request: Request) -> Response:
        """The agent asks each what it is and which streams it offers. User and password are sealed to the agent as they
        come in; the portal keeps none."""
        fields = valid(LookFields(data=request.data))
        agent = access.get(self.actor, CAMERA_EDIT, Agent.objects.all(), id=fields["agent"])
        wanted = [Wanted(**one) for one in fields["cameras"]]
        look = begin_look(agent, self.actor, wanted, factory=fields["factory_passwords"])
        return Response(look_json(look), status=202)


class CameraLook(ApiView):
    """GET: how a look of one's own stands."""

    access = Requires(CAMERA_EDIT)

    @describe("Get a look at cameras", reply=LookReply, example=LOOK_EXAMPLE, problems=(Unavailable,))
    def get(self, request: Request, look_id: UUID) -> Response:
        """The cameras that were looked at so far. Ask every second or two: it is kept for half an hour once you have seen
        its end."""
        look, _agent = asking_of(self, LOOK, look_id)
        return Response(look_json(look))


class LookedCameras(ApiView):
    """POST: adds cameras of a look."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Add cameras of a look",
        request=ChoicesFields,
        request_example={
            "cameras": [{"id": LOOK_EXAMPLE["cameras"][0]["id"], "name": "Gate 2", "main": "profile_1"}]
        },
        reply=AddedAllReply,
        example=ADDED,
        problems=(AgentGone, Unavailable),
    )
    def post(self, request: Request, look_id: UUID) -> Response:
        """All at once, on the site of the agent. What one of them lacks keeps no other from being added."""
        look, agent = asking_of(self, LOOK, look_id)
        choices = [
            Choice(scope=one.pop("id"), **one) for one in valid(ChoicesFields(data=request.data))["cameras"]
        ]
        added = add_looked(agent, self.actor, look, choices)
        rows = [added_json(choice.name, one) for choice, one in zip(choices, added, strict=True)]
        return Response({"items": rows})


class EncoderFields(Fields):
    """What a stream is to be set to; what is absent stays."""

    profile = serializers.CharField(max_length=200, help_text="Token of the profile.")
    codec = serializers.ChoiceField(choices=["h264", "h265"], required=False)
    kbit_s = serializers.IntegerField(min_value=1, max_value=KBIT_S_MAX, required=False)
    gop = serializers.IntegerField(
        min_value=1, max_value=GOP_MAX, required=False, help_text="Pictures from one key frame to the next."
    )


class SettingFields(Fields):
    """Settings of a camera; what is absent stays."""

    encoders = serializers.ListField(child=EncoderFields(), max_length=PROFILES_MAX, required=False)
    ntp = serializers.CharField(
        max_length=200, required=False, allow_blank=True, help_text="Time server: an address or a name."
    )
    time_zone = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="IANA name, such as Europe/Berlin."
    )


class LookedSettings(ApiView):
    """POST: has the agent set a camera of a look."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Set a camera of a look",
        request=SettingFields,
        request_example={
            "encoders": [{"profile": "profile_1", "codec": "h265", "kbit_s": 2048, "gop": 50}],
            "ntp": "192.0.2.1",
            "time_zone": "Europe/Berlin",
        },
        reply=SettingReply,
        example=SETTING_BEGUN,
        status=202,
        problems=_ASKING_PROBLEMS,
    )
    def post(self, request: Request, look_id: UUID, found_id: UUID) -> Response:
        """With the user and password it was looked at with, which must be an administrator's there. Ask for the outcome with
        the id this answers."""
        fields = valid(SettingFields(data=request.data))
        look, agent = asking_of(self, LOOK, look_id)
        setting = begin_setting(
            agent,
            self.actor,
            look,
            found_id,
            encoders=[EncoderSetting(**one) for one in fields.get("encoders", [])],
            ntp=fields.get("ntp", ""),
            time_zone=fields.get("time_zone", ""),
        )
        return Response(setting_json(setting), status=202)


class CameraSetting(ApiView):
    """GET: what became of settings."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Get the setting of a camera", reply=SettingReply, example=SETTING_EXAMPLE, problems=(Unavailable,)
    )
    def get(self, request: Request, setting_id: UUID) -> Response:
        """For each thing whether the camera took it. Kept as a look is."""
        setting, _agent = asking_of(self, SETTING, setting_id)
        return Response(setting_json(setting))


def setting_json(setting: Asking) -> dict[str, Any]:
    """A setting as the API tells it."""
    rows = []
    for what, cause in setting.results():
        reason, next_step = CAUSES.get(cause, ("", ""))
        rows.append(
            {
                "profile": None if what == TIME else what,
                "cause": cause or None,
                "reason": str(reason),
                "next_step": str(next_step),
            }
        )
    return _asking_json(setting) | {"results": rows}


def asking_of(view: ApiView, kind: str, asking_id: UUID) -> tuple[Asking, Agent]:
    """One's own search or look, and its agent, on which the actor still may change cameras."""
    asking = found(view.actor, kind, asking_id)
    return asking, access.get(view.actor, CAMERA_EDIT, Agent.objects.all(), id=asking.agent)


def _asking_json(asking: Asking) -> dict[str, Any]:
    reason, next_step = STATES.get(asking.state, ("", ""))
    return {
        "id": str(asking.id),
        "agent": str(asking.agent),
        "state": asking.state,
        "done_percent": asking.done_percent,
        "expires_us": asking.expires_us,
        "reason": str(reason),
        "next_step": str(next_step),
    }


def search_json(search: Asking) -> dict[str, Any]:
    """A search as the API tells it."""
    return _asking_json(search) | {"devices": [device_json(device) for device in search.devices()]}


def device_json(device: Device) -> dict[str, Any]:
    """Something that was found."""
    return {
        "address": device.address,
        "service": device.service or None,
        "rtsp_port": device.rtsp_port or None,
        "name": device.name,
        "model": device.model,
        "camera": None if device.camera is None else str(device.camera),
        "findings": findings_json(device.findings),
    }


def findings_json(findings: tuple[str, ...]) -> list[dict[str, str]]:
    """The gravest first."""
    return [{"finding": name, "sentence": str(FINDINGS[name])} for name in FINDINGS if name in findings]


def look_json(look: Asking) -> dict[str, Any]:
    """A look as the API tells it."""
    return _asking_json(look) | {"cameras": [_looked_json(look, one) for one in look.looks()]}


def _looked_json(look: Asking, one: Looked) -> dict[str, Any]:
    reason, next_step = CAUSES.get(one.cause, ("", ""))
    return {
        "id": str(one.scope),
        "service": look.targets[one.scope].service,
        "cause": one.cause or None,
        "reason": str(reason),
        "next_step": str(next_step),
        "make": one.make,
        "model": one.model,
        "firmware": one.firmware,
        "serial": one.serial,
        "time_zone": one.time_zone,
        "ptz": one.ptz,
        "events": one.events,
        "snapshot": one.snapshot,
        "findings": findings_json(one.findings),
        "profiles": [
            {
                "token": profile.token,
                "name": profile.name,
                "codec": profile.codec,
                "width": profile.width,
                "height": profile.height,
                "frames_per_s": profile.rate / 1000 or None,
                "kbit_s": profile.kbit_s or None,
                "gop": profile.gop or None,
                "encrypted": profile.encrypted,
            }
            for profile in one.profiles
        ],
    }


def added_json(name: str, one: Camera | VsaasError) -> dict[str, Any]:
    """What became of a camera that was to be added."""
    if isinstance(one, Camera):
        return {"name": name, "camera": str(one.id), "problem": None}
    problem = {"problem": one.problem, "detail": str(one.detail or one)}
    return {"name": name, "camera": None, "problem": problem}
