"""Installs an update the recorder asked for, as root and apart from it; the version before comes back where it must.

The recorder leaves `update/request`, a release document and a package in its state folder. All three are strangers here:
they are copied into this program's own folder first, and the copies are checked (signature by the keys of the package that
is installed, size, SHA-256, architecture, step) before any of it is unpacked. Then, each step on disk before the next:

1. the version that runs is packed again into `previous.deb`, and this program copied beside it;
2. `journal.json` says `installing`; dpkg unpacks the new version, whose scripts restart the recorder;
3. the journal says `trying`; the recorder's own status must say, under the new version, that it records every stream it
   recorded before and that the portal answers, and go on saying so;
4. else the journal says `returning`, and dpkg installs `previous.deb`;
5. `result.json` says what became of it, and the journal goes.

A power cut finds the journal at the next start (`vsaas-agent-update.path`): what was being installed is returned from, what
was being tried is tried again. Nothing but Python's own library is used for that, and the copy made in step 1 does it, so
it works whatever a half-unpacked package looks like.

Exit code 0: what was asked for has an answer in `result.json`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "vsaas-agent"
PROGRAM: Final = Path("/usr/lib/vsaas-agent")
STATE: Final = Path("/var/lib/vsaas-agent")
OWN: Final = Path("/var/lib/vsaas-agent-update")
ASKED: Final = "update"
REQUEST, DOCUMENT, FILE = "request", "release", "package.deb"
JOURNAL, RESULT, PREVIOUS, COPY = "journal.json", "result.json", "previous.deb", "updater.py"
_REQUEST_BYTES_MAX: Final = 4096
_DOCUMENT_BYTES_MAX: Final = 64 * 1024
_STATUS_BYTES_MAX: Final = 4 * 1024 * 1024
_PIECE_BYTES: Final = 1024 * 1024
_LOOK_S: Final = 0.5
_STEADY_S: Final = 15.0
_SILENT_S: Final = 120.0
_FRESH_US: Final = 20_000_000
"""The recorder writes its status every five seconds."""
_LOCK_S: Final = 600.0
AGAIN_S: Final = 90.0
"""systemd starts this again while its cause is there, but not after too many starts within a short time."""
_SPARE_BYTES: Final = 64 * 1024 * 1024


class Refused(Exception):
    """What was asked for is not done; the text says why, for people."""


@dataclass(frozen=True)
class Places:
    """Where things are. `health_s`: how long the new version has to show that it records. `again_s`: the pause before what
    failed is tried again."""

    state: Path = STATE
    own: Path = OWN
    program: Path = PROGRAM
    health_s: float = 600.0
    again_s: float = AGAIN_S


def main() -> int:
    """End what was begun, then do what is asked for."""
    sys.dont_write_bytecode = True
    os.umask(0o022)
    places = Places(
        health_s=float(os.environ.get("VSAAS_UPDATE_HEALTH_S", "600")),
        again_s=float(os.environ.get("VSAAS_UPDATE_AGAIN_S", str(AGAIN_S))),
    )
    try:
        journal = read_json(places.own / JOURNAL)
        if journal is not None:
            resume(places, journal)
        elif (asked_ns := _request_ns(places)) is not None:
            take_request(places)
            if _request_ns(places) == asked_ns:
                raise Refused("the request cannot be removed")
    except (Refused, ValueError, OSError) as error:
        _say(f"{error}; it is tried again")
        time.sleep(places.again_s)
        return 1
    return 0


def take_request(places: Places) -> None:
    """Do what the recorder asks for; `result.json` has the answer, refusals included."""
    attempt: dict[str, Any] = {}
    try:
        with _opened_folder(places.state / ASKED) as folder:
            asked = _take(folder, REQUEST, _REQUEST_BYTES_MAX)
            # Gone before anything else: whatever happens, it is not asked for twice.
            os.unlink(REQUEST, dir_fd=folder)
            attempt = _asked(asked)
            if _answered(places, attempt):
                _say("this was asked and answered before")
                return
            document = _take(folder, DOCUMENT, _DOCUMENT_BYTES_MAX)
            running = installed_version()
            release, file = _verified(places, document, running)
            attempt["version"] = release.version
            _copy_package(places, folder, file)
        _keep_previous(places, running)
    except (Refused, ValueError, OSError) as error:
        answer(places, attempt, "refused", _one_line(str(error)))
        return
    before = _moment(places)
    journal = attempt | {"from": running, "before": before, "state": "installing"}
    _write(places.own / JOURNAL, journal)
    problem = _install(places.own / FILE, lambda: _watch_before(places, before))
    if problem is not None:
        go_back(places, journal, f"it could not be installed: {problem}")
        return
    _write(places.own / JOURNAL, journal | {"state": "trying"})
    judge(places, journal)


def resume(places: Places, journal: dict[str, Any]) -> None:
    """After a power cut or a kill: what was installing or returning is returned from, what was tried is tried again."""
    if journal.get("state") == "trying":
        judge(places, journal)
    else:
        go_back(
            places, journal, str(journal.get("reason") or "the box was cut off while it was being installed")
        )


def judge(places: Places, journal: dict[str, Any]) -> None:
    """Wait until the new version has shown that it records; go back to the one before where it does not."""
    before, version = journal["before"], str(journal["version"])
    begun_s = time.monotonic()
    well_since_s: float | None = None
    instance = None
    while True:
        now_s = time.monotonic()
        status = status_of(places)
        problem = trouble(status, version, before)
        said = instance_of(status)
        if problem is not None or said != instance:
            well_since_s, instance = None, said
        if problem is None:
            well_since_s = well_since_s if well_since_s is not None else now_s
            if now_s - well_since_s >= min(_STEADY_S, places.health_s / 4):
                answer(places, journal, "installed", "", interruption_ms(status, before))
                return
        silent = status is None or instance_of(status) == before.get("instance")
        if now_s - begun_s > (min(_SILENT_S, places.health_s) if silent else places.health_s):
            go_back(places, journal, problem or "it started again and again")
            return
        time.sleep(_LOOK_S)


def go_back(places: Places, journal: dict[str, Any], reason: str) -> None:
    """Install the version before. Raises Refused when that fails as well: the journal stays, and it is tried again."""
    _write(places.own / JOURNAL, journal | {"state": "returning", "reason": reason})
    problem = _install(places.own / PREVIOUS, lambda: None)
    if problem is not None:
        raise Refused(f"version {journal.get('from')} could not be installed again: {problem}")
    answer(places, journal, "rolled-back", reason)


def answer(
    places: Places, attempt: dict[str, Any], state: str, reason: str, interruption: int | None = None
) -> None:
    """Write down what became of it, and forget what was under way."""
    told = {name: attempt.get(name) for name in ("document", "attempt", "version", "from")}
    _write(
        places.own / RESULT,
        told
        | {"state": state, "reason": reason[:200], "interruption_ms": interruption, "at": int(time.time())},
    )
    (places.own / JOURNAL).unlink(missing_ok=True)
    (places.own / FILE).unlink(missing_ok=True)
    _sync(places.own)
    _say(f"{attempt.get('version', 'an update')}: {state} {reason}".rstrip())


# What the recorder says of itself


def status_of(places: Places) -> dict[str, Any] | None:
    """The recorder's newest status; None when there is none that can be read."""
    try:
        with _opened_folder(places.state) as folder:
            data = json.loads(_take(folder, "status.json", _STATUS_BYTES_MAX))
    except (Refused, OSError, ValueError):
        return None
    return data if isinstance(data, dict) and isinstance(data.get("heartbeat"), dict) else None


def instance_of(status: dict[str, Any] | None) -> str | None:
    """Which run of the recorder speaks."""
    return None if status is None else str(status["heartbeat"].get("instance"))


_WELL: Final = ("recording", "by-plan", "waiting-for-event")
"""States of a stream whose pictures come and are kept as the camera's plan says (`protocol.health.CAMERA_STATES`)."""


def streams_of(status: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The streams of a status, by camera and stream."""
    rows = [] if status is None else status["heartbeat"].get("streams")
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {f"{row.get('camera')}/{row.get('stream')}": row for row in found}


def trouble(status: dict[str, Any] | None, version: str, before: dict[str, Any]) -> str | None:
    """Why the new version is not as well as the one before was; None when it is."""
    if status is None or instance_of(status) == before.get("instance"):
        return "the new version said nothing of itself"
    if status["heartbeat"].get("software") != f"{PACKAGE} {version}":
        return f"another version runs: {str(status['heartbeat'].get('software'))[:40]}"
    said_us = status["heartbeat"].get("utc_us")
    if not isinstance(said_us, int) or abs(time.time_ns() // 1000 - said_us) > _FRESH_US:
        return "the new version says nothing of itself any more"
    streams = streams_of(status)
    lost = [key for key in before["recording"] if streams.get(key, {}).get("state") not in _WELL]
    if lost:
        names = status.get("camera_names")
        name = names.get(lost[0].partition("/")[0]) if isinstance(names, dict) else None
        return f"{len(lost)} of {len(before['recording'])} streams are not recorded, {str(name or lost[0])[:80]} among them"
    if not status.get("portal_seen_us") or status.get("portal_trouble"):
        return "it does not reach the portal"
    return None


def interruption_ms(status: dict[str, Any] | None, before: dict[str, Any]) -> int | None:
    """The longest time between a stream's last picture under the version before and its first under the new one."""
    streams = streams_of(status)
    spans = [
        int(streams[key]["since_us"]) - int(last_us)
        for key, last_us in before["last_us"].items()
        if key in before["recording"] and isinstance(streams.get(key, {}).get("since_us"), int)
    ]
    return max(0, max(spans) // 1000) if spans else None


def _moment(places: Places) -> dict[str, Any]:
    status = status_of(places)
    streams = streams_of(status)
    return {
        "instance": instance_of(status),
        "recording": sorted(key for key, row in streams.items() if row.get("state") in _WELL),
        "last_us": _last_us(streams),
    }


def _watch_before(places: Places, before: dict[str, Any]) -> None:
    """Keep the last picture's time of the version before, which its last status tells as it stops."""
    status = status_of(places)
    if instance_of(status) == before["instance"]:
        before["last_us"] |= _last_us(streams_of(status))


def _last_us(streams: dict[str, dict[str, Any]]) -> dict[str, int]:
    return {
        key: row["last_frame_us"] for key, row in streams.items() if isinstance(row.get("last_frame_us"), int)
    }


# What was asked for


def _request_ns(places: Places) -> int | None:
    """When the request was put there; None: there is none."""
    try:
        return (places.state / ASKED / REQUEST).lstat().st_ctime_ns
    except FileNotFoundError:
        return None


def _asked(data: bytes) -> dict[str, Any]:
    row = json.loads(data)
    if not isinstance(row, dict) or not isinstance(row.get("attempt"), int):
        raise Refused("the request cannot be read")
    return {"document": str(row.get("document"))[:64], "attempt": row["attempt"]}


def _answered(places: Places, attempt: dict[str, Any]) -> bool:
    """Whether this very attempt has an answer: what went back is not tried again before somebody asks anew."""
    result = read_json(places.own / RESULT) or {}
    return all(result.get(name) == attempt[name] for name in ("document", "attempt"))


def _verified(places: Places, document: bytes, running: str) -> tuple[Any, Any]:
    """The release and its file for this box, by the program that is installed. Raises Refused."""
    if str(places.program) not in sys.path:
        sys.path.insert(0, str(places.program))
    from edge_agent.release_keys import release_keys
    from protocol.errors import ProtocolError
    from protocol.release import verify_release

    try:
        release = verify_release(document, release_keys(places.program))
        release.check_step(running)
        return release, release.file_for(_output("dpkg", "--print-architecture"), "deb")
    except ProtocolError as error:
        raise Refused(error.detail) from error


def _copy_package(places: Places, folder: int, file: Any) -> None:
    """Copy the package here and look at the copy. Raises Refused."""
    free_bytes = shutil.disk_usage(places.own).free
    if free_bytes < 4 * file.size_bytes + _SPARE_BYTES:
        raise Refused(f"there is too little room on the disk: {free_bytes // 10**6} MB are free")
    digest, size = hashlib.sha256(), 0
    with _opened_file(folder, FILE) as source, (places.own / FILE).open("wb") as target:
        while piece := source.read(_PIECE_BYTES):
            size += len(piece)
            if size > file.size_bytes:
                break
            digest.update(piece)
            target.write(piece)
        target.flush()
        os.fsync(target.fileno())
    if size != file.size_bytes or digest.digest() != file.sha256:
        (places.own / FILE).unlink()
        raise Refused("the package is not the one the release names: it is cut off or altered")


def installed_version() -> str:
    """The version dpkg knows. Raises Refused."""
    return _output("dpkg-query", "--show", "--showformat=${Version}", PACKAGE)


def _keep_previous(places: Places, running: str) -> None:
    """Pack what is installed again, so that it can be installed after anything, without any network. Raises Refused.

    Without the settings people may have edited: dpkg leaves those where they are. Packed as a release's own they would
    count as never edited, and the next update's default would replace them; and a proxy's password may stand in them.
    """
    for left in places.own.glob("packing-*"):  # by a power cut
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=places.own, prefix="packing-") as name:
        root = Path(name) / "root"
        control = root / "DEBIAN"
        control.mkdir(parents=True, mode=0o755)
        rows = _output("dpkg-query", "--show", "--showformat=${Conffiles}", PACKAGE).splitlines()
        settings = {row.split()[0] for row in rows if row.strip()}
        for line in _output("dpkg-query", "--listfiles", PACKAGE).splitlines():
            if line not in settings:
                _take_along(Path(line), root)
        fields = _output("dpkg-query", "--status", PACKAGE).splitlines()
        (control / "control").write_text("\n".join(_control_of(fields)) + "\n")
        for script in ("preinst", "postinst", "prerm", "postrm"):
            source = _output("dpkg-query", "--control-path", PACKAGE, script)
            if source:
                shutil.copy2(source, control / script)
        made = Path(name) / PREVIOUS
        _output("dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", str(root), str(made))
        made.chmod(0o600)
        shutil.copyfile(Path(__file__), places.own / COPY)
        for path in (made, places.own / COPY):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(made, places.own / PREVIOUS)
    _sync(places.own)
    _say(f"version {running} is kept in {places.own / PREVIOUS}")


def _control_of(status: list[str]) -> list[str]:
    """The control file out of what dpkg says of an installed package."""
    kept: list[str] = []
    dropping = False
    for line in status:
        if not line.startswith(" "):
            dropping = line.partition(":")[0] in ("Status", "Conffiles", "Config-Version")
        if not dropping:
            kept.append(line)
    return kept


def _take_along(path: Path, root: Path) -> None:
    target = root / path.relative_to("/")
    if path.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.readlink())
    elif path.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif path.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)


def _install(package: Path, meanwhile: Callable[[], None]) -> str | None:
    """Have dpkg install a package; why it could not, or None. Waits while another program holds dpkg's lock."""
    until_s = time.monotonic() + _LOCK_S
    command = ["dpkg", "--force-confold", "--force-downgrade", "--install", str(package)]
    while True:
        with tempfile.TemporaryFile() as said:
            running = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
            )
            while running.poll() is None:
                meanwhile()
                time.sleep(0.1)
            said.seek(0)
            text = said.read().decode(errors="replace").strip()
        _say(text)
        if running.returncode == 0:
            return None
        if "lock" not in text or time.monotonic() > until_s:
            return _one_line(text.splitlines()[-1] if text else f"dpkg ended with {running.returncode}")
        time.sleep(5)


# Files


@contextlib.contextmanager
def _opened_folder(path: Path) -> Any:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)


def _opened_file(folder: int, name: str) -> Any:
    """A plain file of the recorder's folder: no link, no device, no pipe. Raises Refused or OSError."""
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Refused(f"{name} is no plain file")
    return os.fdopen(handle, "rb")


def _take(folder: int, name: str, most_bytes: int) -> bytes:
    with _opened_file(folder, name) as file:
        data: bytes = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise Refused(f"{name} has more than {most_bytes} bytes")
    return data


def read_json(path: Path) -> dict[str, Any] | None:
    """One of this program's own files; None when it is not there. Raises ValueError."""
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(data, dict):
        raise ValueError(f"{path} is damaged: remove it")
    return data


def _write(path: Path, data: dict[str, Any]) -> None:
    new = path.with_name(path.name + ".new")
    with new.open("w") as file:
        json.dump(data, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Refused(_one_line(f"{command[0]}: {done.stderr or done.stdout}"))
    return done.stdout.strip()


def _say(text: str) -> None:
    """Into the journal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()[:200]


if __name__ == "__main__":
    sys.exit(main())
