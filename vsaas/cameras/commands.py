"""What an agent is told of its cameras."""

from protocol.command import CameraOrder, EventsOrder
from protocol.detection import Detection
from protocol.passwords import ONVIF
from protocol.plan import RecordingPlan
from vsaas.agents.commands import issue_command
from vsaas.agents.models import Agent
from vsaas.cameras.detection import detection_from_json
from vsaas.cameras.models import Camera, CameraPassword, StreamKind
from vsaas.cameras.recording import plan_from_json


def tell_agent(agent: Agent, *, skip: int = 0) -> int:
    """Issues the agent's next command document from its cameras as they are now; returns its number.

    `skip`: see `issue_command`.
    """
    # Locked before the cameras are read, so that of two changes at once the later document holds both.
    Agent.objects.select_for_update().get(id=agent.id)
    cameras = (
        Camera.objects.filter(agent=agent, deleted_at=None)
        .select_related("site")
        .prefetch_related("sources")
        .order_by("created_at", "id")
    )
    services = dict(
        CameraPassword.objects.filter(camera__in=cameras, way=ONVIF).values_list("camera_id", "service")
    )
    orders = [
        order for camera in cameras if (order := _order(camera, services.get(camera.id, ""))) is not None
    ]
    return issue_command(agent, orders, skip=skip)


def recording_plan(camera: Camera) -> RecordingPlan | None:
    """The camera's plan in the zone of its site; None: everything, always."""
    return None if camera.recording is None else plan_from_json(camera.recording, camera.site.timezone)


def detection_order(camera: Camera) -> Detection | None:
    """What the agent looks for in the camera's picture; None: nothing."""
    return None if camera.detection is None else detection_from_json(camera.detection)


def _order(camera: Camera, service: str) -> CameraOrder | None:
    sources = {source.stream: bytes(source.sealed) for source in camera.sources.all()}
    main = sources.get(StreamKind.MAIN)
    if main is None:
        return None
    return CameraOrder(
        camera=camera.id,
        name=camera.name,
        enabled=camera.enabled,
        source_main=main,
        source_sub=sources.get(StreamKind.SUB),
        audio=camera.audio,
        certificate=None if camera.certificate is None else bytes(camera.certificate),
        plan=recording_plan(camera),
        events=EventsOrder(service) if camera.events else None,
        detection=detection_order(camera),
    )
