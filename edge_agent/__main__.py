"""The agent's command line: `enrol`, `run`, `status`, `move`.

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

from edge_agent import __version__
from edge_agent.errors import AgentError

_STATE_VARIABLE = "VSAAS_AGENT_STATE"
_LEVELS = ("debug", "info", "warning", "error")


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
    common.add_argument("--log-level", choices=_LEVELS, default="info", help="default: info")
    parser = argparse.ArgumentParser(
        prog="python -m edge_agent", description="The recorder: cameras in, sealed footage out."
    )
    parser.add_argument("--version", action="version", version=f"vsaas-agent {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    enrol = commands.add_parser("enrol", parents=[common], help="make this box an agent of an organisation")
    enrol.add_argument("portal", help="the portal's address, like https://portal.example.org")
    enrol.add_argument(
        "code", help="the one-time code from the portal's page 'Agents'; - reads it from standard input"
    )
    enrol.add_argument("--name", help="how the portal calls this box (default: this machine's name)")
    commands.add_parser("run", parents=[common], help="record and upload until stopped")
    status = commands.add_parser("status", parents=[common], help="say how the agent on this box is doing")
    status.add_argument("--json", action="store_true", help="for programs")
    move = commands.add_parser("move", parents=[common], help="the same portal has a new address")
    move.add_argument("portal", help="the new address")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    _log_to_stderr(options.log_level)
    state = (options.state or default_state()).absolute()
    try:
        if options.command == "enrol":
            return _enrol(options.portal, options.code, state, options.name or socket.gethostname())
        if options.command == "run":
            return _run(state)
        if options.command == "move":
            return _move(state, options.portal)
        return _status(state, as_json=options.json)
    except AgentError as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"{options.command}: interrupted", file=sys.stderr)
        return 130


def _enrol(portal: str, code: str, state: Path, name: str) -> int:
    from edge_agent.enrol import enrol
    from sealing.ids import show_fingerprint

    if code == "-":
        code = sys.stdin.readline()
    done = enrol(portal, code, state, name)
    print(
        f"This box is now the agent {done.name!r} of the organisation {done.tenant_slug!r} at {done.portal}."
    )
    print(f"agent id     {done.agent}")
    print(f"root         {show_fingerprint(done.fingerprint)}")
    print(f"state        {state}")
    print("Compare the root with the one the portal shows, then start recording: python -m edge_agent run")
    return 0


def _move(state: Path, portal: str) -> int:
    from edge_agent.identity import move_portal, portal_url
    from edge_agent.orders import move_live_url

    move_live_url(state, portal_url(portal))
    print(f"This box now looks for its portal at {move_portal(state, portal)}.")
    return 0


def _run(state: Path) -> int:
    from edge_agent.run import run

    return run(state)


def _status(state: Path, *, as_json: bool) -> int:
    from edge_agent.status import read_report

    report = read_report(state)
    print(json.dumps(report.to_json(), indent=1) if as_json else report.text())
    return 1 if report.troubles else 0


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    # These libraries log whole URLs: presigned ones are permissions, and camera addresses hold passwords.
    for name in ("httpx", "httpcore", "websockets", "libav"):
        logging.getLogger(name).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
