"""Addresses of footage."""

from django.urls import path

from vsaas.footage import agent_api as agents
from vsaas.footage.api import Clips, Playback, Timeline
from vsaas.footage.events_api import Events
from vsaas.footage.health import Findings, FindingSettling, health, health_settled
from vsaas.footage.maps_api import MotionMaps
from vsaas.footage.stills_api import Stills
from vsaas.footage.upload_now import UploadNowAnswer, UploadsNow
from vsaas.footage.usage_api import PolicyView, Usage
from vsaas.footage.usage_page import usage_page

pages = [
    path("health", health, name="health"),
    path("health/<uuid:finding_id>/settled", health_settled, name="health-settled"),
    path("usage", usage_page, name="usage"),
]

api = [
    path("findings", Findings.as_view(), name="api-findings"),
    path("findings/<uuid:finding_id>/settlement", FindingSettling.as_view(), name="api-finding-settlement"),
    path("usage", Usage.as_view(), name="api-usage"),
    path("policy", PolicyView.as_view(), name="api-policy"),
    path("cameras/<uuid:camera_id>/uploads", UploadsNow.as_view(), name="api-uploads-now"),
    path(
        "cameras/<uuid:camera_id>/uploads/<uuid:order_id>",
        UploadNowAnswer.as_view(),
        name="api-upload-now",
    ),
    path("timeline", Timeline.as_view(), name="api-timeline"),
    path("events", Events.as_view(), name="api-events"),
    path("playback", Playback.as_view(), name="api-playback"),
    path("clips", Clips.as_view(), name="api-clips"),
    path("stills", Stills.as_view(), name="api-stills"),
    path("motion-maps", MotionMaps.as_view(), name="api-motion-maps"),
]

agent_api = [
    path("records", agents.records, name="agent-records"),
]
