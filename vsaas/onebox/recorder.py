"""The part of `make up` that an installer would do by hand: a tenant, an enrolled agent, a camera, and proof of it."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vsaas.onebox.box import Box, base_environment
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.manage import manage, manage_json, module
from vsaas.onebox.passwords import write_private
from vsaas.onebox.processes import wait_until

SLUG, TENANT_NAME = "demo", "Demo organisation"
SITE_NAME = "Main site"
DEMO_CAMERA = "Demo camera"
CAMERA_SCHEMES = ("rtsp", "rtsps")
FETCHED = ".fetched-"  # how folders of footage fetched to verify are called
NOT_ENROLLED = 3  # exit status of `edge_agent status`
FETCHED = ".fetched-"  # how folders of footage fetched to verify are called
NOT_ENROLLED = 3  # exit status of `edge_agent status`
UNFIT_FOR_NAMES = re.compile(r"[^\w. /-]")


@dataclass(frozen=True)
class CameraWish:
    """The camera to record: its `name`, and its addresses with their credentials."""

    name: str
    main: str
    sub: str | None

    @property
    def is_demo(self) -> bool:
        """Whether it is the demo camera, which `make up` runs itself."""
        return self.name == DEMO_CAMERA


@dataclass(frozen=True)
class Tenant:
    """The tenant of this machine: `slug`, `id`, `root_fingerprint` (64 hex digits), whether it has an owner, and the
    ids of its agents."""

    slug: str
    id: str
    root_fingerprint: str
    has_owner: bool
    agents: tuple[str, ...]


def wanted_camera(box: Box) -> CameraWish:
    """What `CAMERA` in the environment asks for, else what was recorded before, else the demo camera.

    `CAMERA=demo` goes back to the demo camera. Raises OneboxError, without the password, for anything else.
    """
    kept = box.layout.secrets / "camera.json"
    given = os.environ.get("CAMERA", "").strip() or (
        json.loads(kept.read_text()) if kept.exists() else "demo"
    )
    if given == "demo":
        wish = CameraWish(DEMO_CAMERA, box.camera_urls()["main"], box.camera_urls()["sub"])
    else:
        wish = CameraWish(_camera_name(given), given, None)
    write_private(kept, given)
    return wish


def _camera_name(address: str) -> str:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in CAMERA_SCHEMES:
        raise OneboxError("CAMERA is no camera's address: write rtsp://user:password@host/path, or demo")
    path = UNFIT_FOR_NAMES.sub("", parts.path).strip("/")
    return f"Camera {host}{f':{port}' if port else ''} {path}".strip()[:70]


def prepare_tenant(box: Box) -> Tenant:
    """Bucket, key file, tenant and its keys, where they are missing."""
    made = ask_cloud(box, "prepare", {"slug": SLUG, "name": TENANT_NAME, "site": SITE_NAME})
    return Tenant(SLUG, made["tenant"], made["root_fingerprint"], made["owner"], tuple(made["agents"]))


def ask_cloud(box: Box, what: str, question: dict[str, Any]) -> dict[str, Any]:
    """One question to the portal's own code: see vsaas.onebox.cloud."""
    answer = module(
        box.layout.root,
        box.settings(),
        "vsaas.onebox.cloud",
        what,
        given=json.dumps(question | {"slug": SLUG}),
    )
    found: dict[str, Any] = json.loads(answer)
    return found


def enrolled_agent(box: Box, tenant: Tenant) -> str:
    """Id of this machine's agent; enrols it first, through a one-time code as an installer would, where it is not."""
    status = agent_status(box)
    if status is not None and status["agent"] not in tenant.agents:
        raise OneboxError(
            f"the agent in {box.layout.agent_state} is not one of this portal (its database was restored, or the "
            "agent was revoked): move that folder away and run make up again to enrol it anew"
        )
    if status is not None and status["portal"] != box.portal_url:  # another PORT= than before
        move = ["move", "--state", str(box.layout.agent_state), box.portal_url]
        module(box.layout.root, box.agent_environment(), "edge_agent", *move)
    if status is None:
        code = manage_json(box.layout.root, box.settings(), "agent_code", "--tenant", SLUG, "--json")["code"]
        words = ["enrol", "--state", str(box.layout.agent_state), box.portal_url, "-"]
        module(box.layout.root, box.agent_environment(), "edge_agent", *words, given=f"{code}\n")
        status = agent_status(box)
    if status is None:
        raise OneboxError(f"the agent says it is enrolled, but {box.layout.agent_state} does not show it")
    return str(status["agent"])


def agent_status(box: Box) -> dict[str, Any] | None:
    """What `edge_agent status` says, or None while this machine's agent is not enrolled.

    That it finds something not in order (status 1: the agent does not run yet) is no failure here.
    """
    words = ["status", "--json", "--state", str(box.layout.agent_state)]
    said = module(box.layout.root, box.agent_environment(), "edge_agent", *words, well=(0, 1, NOT_ENROLLED))
    found: dict[str, Any] | None = json.loads(said) if said else None
    return found


def point_camera(box: Box, agent: str, wish: CameraWish) -> dict[str, Any]:
    """Makes `wish` the camera that is recorded; returns {id, name}."""
    known_file = box.layout.secrets / "cameras.json"
    known: dict[str, Any] = json.loads(known_file.read_text()) if known_file.exists() else {}
    addresses = hashlib.sha256(f"{wish.main}\n{wish.sub}".encode()).hexdigest()
    before = known.get(wish.name, {"id": None, "addresses": None})
    question = {
        "agent": agent,
        "id": before["id"],
        "name": wish.name,
        "main": wish.main,
        "sub": wish.sub,
        "changed": before["addresses"] != addresses,
        "others": [entry["id"] for name, entry in known.items() if name != wish.name],
    }
    camera = ask_cloud(box, "camera", question)
    write_private(known_file, known | {wish.name: {"id": camera["id"], "addresses": addresses}})
    return camera


def wait_for_footage(box: Box, tenant: Tenant, camera: str, since: datetime, patience_seconds: float) -> str:
    """Returns the state of the first footage stored since `since`, once it could be fetched and verified.

    Raises OneboxError with what kept it from being so, in the agent's words too, when the time is up.
    """
    said = [""]

    def verified() -> bool:
        said[0] = footage_state(box, tenant, camera, since)
        return said[0].startswith("verified")

    if not wait_until(verified, patience_seconds, pause_seconds=1):
        status = agent_status(box) or {"troubles": ["it is not enrolled"]}
        agent = f"; the agent says: {'; '.join(status['troubles'])}" if status["troubles"] else ""
        raise OneboxError(
            f"no verified footage of the camera within {patience_seconds:g} s: {said[0]}{agent}; "
            f"see {box.layout.log('agent')}, and {box.layout.log('portal')}"
        )
    return said[0]


def footage_state(box: Box, tenant: Tenant, camera: str, since: datetime) -> str:
    """What `sealing verify` says of the main stream since `since`, or why there is nothing to say.

    The newest segments may still be on their way: then what is said is of the time before them.
    """
    report = verified_range(box, tenant, camera, since, datetime.now(UTC))
    if isinstance(report, dict) and not report["verified"] and report["last_good"]:
        report = verified_range(
            box, tenant, camera, since, datetime.fromisoformat(report["last_good"]["time"])
        )
    if isinstance(report, str):
        return report
    stored = any(stream["segments_good"] for stream in report["cameras"])
    return str(report["state"]) if stored else "nothing is stored yet"


def forget_unfinished(var: Path) -> None:
    """Deletes what a start that was killed had fetched to verify."""
    for folder in var.glob(f"{FETCHED}*"):
        shutil.rmtree(folder)


def verified_range(
    box: Box, tenant: Tenant, camera: str, since: datetime, until: datetime
) -> dict[str, Any] | str:
    """The report of `sealing verify` on a range fetched from the store, or why it could not be fetched."""
    with tempfile.TemporaryDirectory(dir=box.layout.var, prefix=FETCHED) as folder:
        out = str(Path(folder) / "footage")
        span = ["--from", since.isoformat(), "--to", until.isoformat(), "--stream", "main"]
        try:
            manage(
                box.layout.root,
                box.settings(),
                "footage_fetch",
                camera,
                *span,
                "--tenant",
                tenant.slug,
                "-o",
                out,
            )
            trust = ["--trust", tenant.root_fingerprint, "--json"]
            said = module(box.layout.root, base_environment(), "sealing", "verify", out, *trust, well=(0, 1))
        except OneboxError as error:
            return str(error)
    report: dict[str, Any] = json.loads(said)
    return report
