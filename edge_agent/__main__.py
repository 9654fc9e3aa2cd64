"""The agent's command line: `enrol`, `run`, `status`, `watch`, `move`, `adopt`.

Exit codes: 0 in order; 1 something is not in order (status), or an unforeseen error; 2 wrong use; 3 not enrolled;
4 state folder unusable; 5 enrolment refused; 6 false portal; 7 portal unreachable; 8 refused by the portal.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from edge_agent import __version__, called
from edge_agent.errors import AgentError
from edge_agent.logs import FORMATS, LEVELS, log_to_stderr
from edge_agent.settings import Settings, keep_network, old_names, read_settings

_STATE_VARIABLE = "VSAAS_AGENT_STATE"


def default_state() -> Path:
    """Where the state lies unless --state says otherwise: VSAAS_AGENT_STATE, or a folder of this user."""
    named = os.environ.get(_STATE_VARIABLE)
    if named:
        return Path(named)
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "vsaas-agent"


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--state",
        type=Path,
        metavar="DIR",
        help=f"the agent's folder (default: ${_STATE_VARIABLE}, else {default_state()})",
    )
    common.add_argument("--log-level", choices=LEVELS, help="default: info")
    common.add_argument(
        "--log-format", choices=FORMATS, help="lines for people or objects for programs (default: text)"
    )
    parser = argparse.ArgumentParser(
        prog=called.command(), description="The recorder: cameras in, sealed footage out."
    )
    parser.add_argument("--version", action="version", version=f"vsaas-agent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    enrol = commands.add_parser("enrol", parents=[common], help="make this box an agent of an organisation")
    enrol.add_argument("portal", help="the portal's address, like https://portal.example.org")
    enrol.add_argument(
        "code", help="the one-time code from the portal's page 'Agents'; - reads it from standard input"
    )
    enrol.add_argument("--name", help="how the portal calls this box (default: this machine's name)")
    enrol.add_argument(
        "--proxy",
        metavar="URL",
        help="http://user:password@host:port on the way to the portal, kept for later; 'none' uses none",
    )
    enrol.add_argument(
        "--cloud-interface", metavar="NAME", help="the only interface towards the portal, kept for later"
    )
    enrol.add_argument(
        "--camera-interface", metavar="NAME", help="the only interface towards cameras, kept for later"
    )
    run = commands.add_parser("run", parents=[common], help="record and upload until stopped")
    run.add_argument(
        "--metrics-socket", metavar="PATH", help="tell figures in Prometheus' format on this unix socket"
    )
    status = commands.add_parser("status", parents=[common], help="say how the agent on this box is doing")
    status.add_argument("--json", action="store_true", help="for programs")
    watch = commands.add_parser(
        "watch", parents=[common], help="keep showing how the agent is doing; changes nothing"
    )
    watch.add_argument("--every", type=_seconds, default=2.0, metavar="SECONDS", help="default: 2")
    move = commands.add_parser("move", parents=[common], help="the same portal has a new address")
    move.add_argument("portal", help="the new address")
    adopt = commands.add_parser(
        "adopt", parents=[common], help="bring what the disk of the box still holds whose place this one took"
    )
    adopt.add_argument("folder", type=Path, metavar="DIR", help="that box's agent folder, or a copy of it")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    state = (options.state or default_state()).absolute()
    flags = vars(options)
    try:
        settings = read_settings(state, flags)
        log_to_stderr(settings.log_level, settings.log_format)
        if options.command == "enrol":
            name = options.name or socket.gethostname()
            done = _enrol(options.portal, options.code, state, name, settings)
            keep_network(state, flags)
            return done
        if options.command == "run":
            return _run(state, settings)
        if options.command == "move":
            return _move(state, options.portal)
        if options.command == "adopt":
            return _adopt(options.folder.absolute(), state, settings)
        if options.command == "watch":
            return _watch(state, options.every)
        return _status(state, as_json=options.json)
    except AgentError as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{options.command}: interrupted", file=sys.stderr)
        return 130


def _enrol(portal: str, code: str, state: Path, name: str, settings: Settings) -> int:
    from edge_agent.enrol import enrol
    from sealing.ids import show_fingerprint

    if code == "-":
        code = sys.stdin.readline()
    done = enrol(portal, code, state, name, settings.network)
    print(
        f"This box is now the agent {done.name!r} of the organisation {done.tenant_slug!r} at {done.portal}."
    )
    print(f"agent id     {done.agent}")
    print(f"root         {show_fingerprint(done.fingerprint)}")
    print(f"state        {state}")
    print(f"Compare the root with the one the portal shows, then start recording: {called.start_command()}")
    return 0


def _move(state: Path, portal: str) -> int:
    from edge_agent.identity import move_portal, portal_url
    from edge_agent.orders import move_live_url

    move_live_url(state, portal_url(portal))
    print(f"This box now looks for its portal at {move_portal(state, portal)}.")
    return 0


def _adopt(folder: Path, state: Path, settings: Settings) -> int:
    from edge_agent.adopt import adopt

    done = adopt(folder, state, settings.network)
    print(
        f"Brought from {done.agent!r}: {done.brought} segments, and the addresses of {done.sources} streams."
    )
    if done.open:
        print(
            f"{done.open} segments were open when that box ended: it had not signed them, and they stay behind."
        )
    if done.unopened:
        print(f"{done.unopened} addresses cannot be opened with that disk: type them again in the portal.")
    if done.damaged:
        print(f"{done.damaged} segments are damaged on that disk: their recordings are lost.")
    if done.refused:
        print(f"{done.refused} segments stay on that disk: the portal takes no more of their chains.")
    if done.left:
        print(f"{done.left} records are not taken by the portal now: give the same command again later.")
    print("That disk holds nothing more." if done.whole else "Keep that disk.")
    return 0 if done.whole else 1


def _run(state: Path, settings: Settings) -> int:
    from edge_agent.run import run

    for warning in old_names(settings):
        logging.getLogger(__name__).warning(warning)
    return run(state, settings)


def _status(state: Path, *, as_json: bool) -> int:
    from edge_agent.status import read_report

    report = read_report(state)
    print(json.dumps(report.to_json(), indent=1) if as_json else report.text())
    return 1 if report.troubles else 0


def _watch(state: Path, every_s: float) -> int:
    from edge_agent.watch import watch

    watch(state, every_s, sys.stdout)
    return 0


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.2 <= value <= 3600:
        raise argparse.ArgumentTypeError("between 0.2 and 3600")
    return value


if __name__ == "__main__":
    sys.exit(main())
