"""What is set on the box itself: how it goes out, how it logs, where its figures are told. Cameras are set in the portal.

Read from, the first that names a setting counting: the command line, the environment (`VSAAS_AGENT_` and the name in
capitals), the file that VSAAS_AGENT_CONFIG names (TOML), and what enrolment was told (`network.json` in the state folder).
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_agent.errors import AgentError
from edge_agent.files import read_private, write_private
from edge_agent.logs import FORMATS, LEVELS
from edge_agent.networks import Network

CONFIG_VARIABLE: Final = "VSAAS_AGENT_CONFIG"
OLD_CAMERA_INTERFACES: Final = "VSAAS_AGENT_CAMERA_INTERFACES"
KEPT: Final = "network.json"
_PREFIX: Final = "VSAAS_AGENT_"
_NETWORK: Final = ("proxy", "cloud_interface", "camera_interface")
_NAMES: Final = (*_NETWORK, "log_level", "log_format", "metrics_socket", "password_ways")
_KEPT_BYTES_MAX: Final = 65536


class BadSetting(AgentError):
    """A setting or the file of settings cannot be used."""

    exit_code = 2


@dataclass(frozen=True)
class Settings:
    """`metrics_socket`: where figures are told (a unix socket); None tells none. `password_ways`: plug-ins that change passwords
    of cameras (`edge_agent.passwords.ways`)."""

    network: Network
    log_level: str
    log_format: str
    metrics_socket: Path | None
    password_ways: str = ""


def read_settings(
    state: Path, flags: Mapping[str, str | None], environment: Mapping[str, str] = os.environ
) -> Settings:
    """The settings in force. Raises BadSetting, BadNetwork, or StateUnusable for what enrolment kept."""
    named: dict[str, str] = _kept(state)
    named |= _from_file(environment.get(CONFIG_VARIABLE, ""))
    for name in _NAMES:
        value = environment.get(_PREFIX + name.upper())
        if value is not None:
            named[name] = value
    named |= {name: value for name, value in flags.items() if value is not None and name in _NAMES}
    level, form = named.get("log_level") or "info", named.get("log_format") or "text"
    for name, value, allowed in (("log_level", level, LEVELS), ("log_format", form, FORMATS)):
        if value not in allowed:
            raise BadSetting(f"the setting {name!r} is one of {', '.join(allowed)}, not {value!r}")
    socket = named.get("metrics_socket") or ""
    return Settings(
        network=Network(**{name: named.get(name) or "" for name in _NETWORK}),
        log_level=level,
        log_format=form,
        metrics_socket=Path(socket).absolute() if socket else None,
        password_ways=named.get("password_ways") or "",
    )


def old_names(settings: Settings, environment: Mapping[str, str] = os.environ) -> list[str]:
    """What to warn of: settings given by names they had before."""
    named = environment.get(OLD_CAMERA_INTERFACES, "").strip()
    if not named:
        return []
    kept_to = settings.network.camera_interface
    if kept_to:
        return [f"{OLD_CAMERA_INTERFACES} is not read while camera_interface is {kept_to!r}: take it out"]
    return [
        f"{OLD_CAMERA_INTERFACES} is an old name: cameras are looked for on {named!r} alone, but connected to by any "
        "interface. Set camera_interface instead, which does both"
    ]


def keep_network(state: Path, flags: Mapping[str, str | None]) -> None:
    """Keep what enrolment was told of networks, for every later run. Raises StateUnusable."""
    told = {name: value for name, value in flags.items() if name in _NETWORK and value is not None}
    if told:
        write_private(state / KEPT, json.dumps(_kept(state) | told).encode())


def _kept(state: Path) -> dict[str, str]:
    path = state / KEPT
    if not os.path.exists(
        path
    ):  # also False where the folder is another user's, which Identity.load then says
        return {}
    try:
        data = json.loads(read_private(path, most_bytes=_KEPT_BYTES_MAX))
    except ValueError:
        data = None
    return _texts(data, path, _NETWORK)


def _from_file(name: str) -> dict[str, str]:
    if not name:
        return {}
    path = Path(name)
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise BadSetting(f"cannot read the settings in {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # The parser names line and column, and never what stands there: it may be a password.
        raise BadSetting(f"the settings in {path} are not TOML: {error}") from error
    return _texts(data, path, _NAMES)


def _texts(data: Any, path: Path, allowed: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(data, dict):
        raise BadSetting(f"{path} is damaged: remove it, and give the options of 'enrol' as settings instead")
    for name, value in data.items():
        if name not in allowed:
            raise BadSetting(f"{path} names {name!r}, which is no setting: there are {', '.join(allowed)}")
        if not isinstance(value, str):
            raise BadSetting(f'the setting {name!r} in {path} is a text: write {name} = "…"')
    return data
