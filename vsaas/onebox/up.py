"""`make up`: from nothing to a recorded camera, step by step; each step does only what is not done yet."""

import getpass
import os
import secrets
import shutil
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from vsaas.onebox import lock, nodebuild, recorder
from vsaas.onebox.address import wanted_address
from vsaas.onebox.box import BUCKET, CAMERA_USER, MORE_CAMERAS, Box
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.gobuild import VERSITYGW, build, built
from vsaas.onebox.layout import HOST, Layout, Ports, check_free, remember_port, wanted_port
from vsaas.onebox.manage import manage
from vsaas.onebox.passwords import write_private, write_private_text
from vsaas.onebox.places import private_dir
from vsaas.onebox.progress import say
from vsaas.onebox.recorder import CameraWish, Tenant
from vsaas.onebox.supervisor import Supervisor
from vsaas.onebox.swap import settle
from vsaas.onebox.watch import watch

FOOTAGE_SECONDS = 180
CAMERA_PORT = "demo camera"
OWN_CAMERA_SECONDS = 45


class Stopped(BaseException):
    """Somebody asked us to stop: Ctrl-C, `make down`, or the terminal was closed."""


def up(root: Path) -> None:
    """Runs the whole system until it is told to stop. Raises OneboxError with one sentence for people."""
    layout = Layout(root)
    settle(layout)
    layout.make()
    with lock.only_one(layout), stopping_by_signal():
        left = lock.stop_recorded(layout)
        if left:
            say(f"stopped what an earlier run left behind: {', '.join(left)}")
        recorder.forget_unfinished(layout.var)
        box = Box(layout, Ports(wanted_port(layout)), wanted_address(layout))
        wish = recorder.wanted_camera(box)
        box.more_cameras = wants_more_cameras(wish)
        ports = box.ports.named()
        camera = {CAMERA_PORT: ports.pop(CAMERA_PORT)}
        check_free(ports, box.address.bind)
        if wish.is_demo:
            check_free(camera)
        if box.more_cameras:
            check_free(
                {f"demo camera {number}": port for number, port in enumerate(box.ports.more_cameras, 2)}
            )
        supervisor = Supervisor(layout)
        layout.up_json.unlink(missing_ok=True)  # it speaks of what runs now
        try:
            run(box, wish, supervisor)
        except Stopped:
            say("stopping")
        finally:
            with deaf():
                supervisor.stop()
                layout.up_json.unlink(missing_ok=True)
        say("everything is stopped; the data stay in var/ (to wipe them: make clean)")


def run(box: Box, wish: CameraWish, supervisor: Supervisor) -> None:
    """Everything between the lock and the end."""
    remember_port(box.layout, box.ports)
    prepare_certificate(box)
    prepare_metrics(box)
    build_programs(box)
    start_stores(box, wish, supervisor)
    prepare_database(box)
    tenant = recorder.prepare_tenant(box)
    say(f"organisation {tenant.slug} and its keys are there")
    start_cloud(box, supervisor)
    began = datetime.now(UTC)
    agent = recorder.enrolled_agent(box, tenant)
    say("the agent is enrolled")
    camera = start_recording(box, agent, wish, supervisor)
    prove(box, tenant, camera["id"], began, wish)
    tell(box, tenant, agent, camera | {"rtsp_url": wish.main})
    watch(box.layout, supervisor, say, partial(renew, box, supervisor))


def wants_more_cameras(wish: CameraWish) -> bool:
    """Whether `CAMERAS=4` asks for three more cameras to be found and added. Raises OneboxError for anything else."""
    given = os.environ.get("CAMERAS", "").strip() or "1"
    if given not in ("1", "4"):
        raise OneboxError(f"CAMERAS={given} is not possible: write CAMERAS=4, or leave it away")
    if given == "4" and not wish.is_demo:
        raise OneboxError(
            "CAMERAS=4 adds to the demo camera, and the agent then sees this machine alone: write CAMERA=demo too"
        )
    return given == "4"


@contextmanager
def stopping_by_signal() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal end the block by raising Stopped."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped

    before = {
        number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def deaf() -> Iterator[None]:
    """A second Ctrl-C does not interrupt the stopping, which would leave programs half stopped."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def prepare_certificate(box: Box) -> bool:
    """With TLS: authority and certificate, where they are missing or end soon; returns whether a certificate was made."""
    if box.authority is None:
        return False
    made = box.authority.prepare(box.address.host, datetime.now(UTC))
    if "authority" in made:
        say(f"made a certificate authority for this network: {box.authority.fingerprint}")
    if "certificate" in made:
        say(f"made a certificate for {box.address.host}")
    return bool(made)


def renew(box: Box, supervisor: Supervisor) -> None:
    """While everything runs: before the certificate ends, a new one, and the servers started with it."""
    if prepare_certificate(box):
        for name in ("s3", "hub", "portal"):
            supervisor.restart(name)


def prepare_metrics(box: Box) -> None:
    """An empty folder for the figures of this run, and the token that opens them."""
    shutil.rmtree(box.layout.metrics, ignore_errors=True)
    private_dir(box.layout.metrics)
    write_private_text(box.layout.metrics_token, box.passwords.get("metrics_token") + "\n")


def build_programs(box: Box) -> None:
    """The front end and the object store, where they are not built yet."""
    say("front end: building, if it changed")
    if nodebuild.build(box.layout.root / "frontend"):
        say("front end: built")
    if built(VERSITYGW) is None:
        say("object store: building versitygw (two or three minutes, once on this machine)")
        build(VERSITYGW)
        say("object store: built")


def start_stores(box: Box, wish: CameraWish, supervisor: Supervisor) -> None:
    """PostgreSQL, Valkey and the object store, under the supervisor; and the demo camera, where it is wanted."""
    for store in (box.postgres, box.valkey, box.s3):
        store.prepare()
    password = box.passwords.get("demo_camera")
    write_private_text(box.camera_password_file, password + "\n")
    if box.more_cameras:
        for name in MORE_CAMERAS:
            if not box.password_file_of(name).exists():
                write_private_text(box.password_file_of(name), secrets.token_urlsafe(12) + "1a\n")
    supervisor.start(box.services(demo_camera=wish.is_demo))
    ready = {"postgres": box.postgres.ready, "valkey": box.valkey.ready, "s3": box.s3.ready}
    cameras = (["camera"] if wish.is_demo else []) + (list(MORE_CAMERAS) if box.more_cameras else [])
    supervisor.start_services(ready | {name: partial(supervisor.is_running, name) for name in cameras})
    lock.record(box.layout, supervisor.identities())
    say("database, queue and object store run")


def prepare_database(box: Box) -> None:
    """Roles and tables."""
    box.postgres.ensure_roles()
    manage(box.layout.root, box.owner_settings(), "migrate", "--noinput")
    manage(box.layout.root, box.worker_settings(), "audit_init")
    write_private_text(box.layout.portal_env, environment_lines(box.worker_settings()))
    say("database is up to date")


def environment_lines(settings: Mapping[str, str]) -> str:
    """The portal's settings as `manage.py` reads them from a file, one NAME=value per line."""
    return "".join(f"{name}={value}\n" for name, value in settings.items() if name.startswith("VSAAS_"))


def start_cloud(box: Box, supervisor: Supervisor) -> None:
    """Portal, live hub, worker and beat."""
    supervisor.start_services(
        {
            "portal": partial(box.is_ready, box.ports.portal),
            "hub": partial(box.is_ready, box.ports.hub),
            "worker": partial(supervisor.is_running, "worker"),
            "beat": partial(supervisor.is_running, "beat"),
        }
    )
    lock.record(box.layout, supervisor.identities())
    say("portal, live hub, worker and beat run")


def start_recording(box: Box, agent: str, wish: CameraWish, supervisor: Supervisor) -> dict[str, Any]:
    """Tells the agent which camera to record and starts it; returns {id, name} of the camera."""
    camera = recorder.point_camera(box, agent, wish)
    supervisor.start_services({"agent": partial(supervisor.is_running, "agent")})
    lock.record(box.layout, supervisor.identities())
    say(f"the agent records: {camera['name']}; waiting for its first segment")
    return camera


def prove(box: Box, tenant: Tenant, camera: str, began: datetime, wish: CameraWish) -> None:
    """Waits for verified footage. Without it the demo camera is an error; a camera of one's own may be off today."""
    patience_seconds = FOOTAGE_SECONDS if wish.is_demo else OWN_CAMERA_SECONDS
    try:
        state = recorder.wait_for_footage(box, tenant, camera, began, patience_seconds)
        say(f"footage is stored: {state}")
    except OneboxError as error:
        if wish.is_demo:
            raise
        say(f"{error}. Everything else runs, and it is recorded as soon as it can be")


def tell(box: Box, tenant: Tenant, agent: str, camera: dict[str, Any]) -> None:
    """Writes up.json for tools and prints where to go, for people."""
    setup_url = None
    if not tenant.has_owner:
        setup_url = manage(box.layout.root, box.settings(), "setup_link", "--tenant", tenant.slug)
    content = {
        "portal_url": box.portal_url,
        "setup_url": setup_url,
        "s3_endpoint": box.s3_url,
        "s3_bucket": BUCKET,
        "tenant": tenant.slug,
        "root_fingerprint": tenant.root_fingerprint,
        "agent_id": agent,
        "cameras": [camera],
    }
    write_private(box.layout.up_json, content)
    print(farewell(box, tenant, setup_url), flush=True)


def farewell(box: Box, tenant: Tenant, setup_url: str | None) -> str:
    """What people read once everything runs."""
    ports = (box.ports.portal, box.ports.hub, box.ports.s3)
    tunnel = " ".join(f"-L {port}:{HOST}:{port}" for port in ports)
    where = f"{getpass.getuser()}@{socket.getfqdn()}"
    if box.authority is None:
        others = f"From another computer, first: ssh {tunnel} {where}"
    else:
        others = (
            f"On a phone or computer of this network, once: open {box.portal_url}/ca and install the certificate.\n"
            f"Its fingerprint (SHA-256):\n\n    {box.authority.fingerprint}"
        )
    if setup_url:
        door = f"Open this link once to become the owner (valid for 24 hours):\n\n    {setup_url}"
    else:
        door = f"Sign in at\n\n    {box.portal_url}/t/{tenant.slug}/"
    return f"\n{door}\n\n{others}\n{camera_words(box)}{mail_words(box, tenant)}Logs: {box.layout.logs}   Stop: Ctrl-C, or make down\n"


def camera_words(box: Box) -> str:
    """Which cameras wait to be found and added, and where their passwords stand."""
    if not box.more_cameras:
        return ""
    plain, secure, _streams, onvif = box.ports.more_cameras
    yard, gate, dome = MORE_CAMERAS.values()
    places = (
        f"rtsp://{yard}:{plain}/main",
        f"rtsps://{gate}:{secure}/main",
        f"http://{dome}:{onvif}/onvif/device_service",
    )
    rows = "\n".join(
        f"    {place}   password in {box.password_file_of(name)}"
        for name, place in zip(MORE_CAMERAS, places, strict=True)
    )
    return f"Three more cameras wait to be found and added, as user {CAMERA_USER}:\n\n{rows}\n\n"


def mail_words(box: Box, tenant: Tenant) -> str:
    """Where messages are read that a mail server would send."""
    if not box.mail_is_read_here:
        return ""
    where = f"{box.portal_url}/t/{tenant.slug}/mail"
    return (
        f"Mail is not sent but kept to be read: {where} (signed in as an owner), or python manage.py outbox\n"
    )
