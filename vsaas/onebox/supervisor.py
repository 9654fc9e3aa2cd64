"""supervisord, as the one-machine set-up uses it: writes its configuration, starts and stops it, asks it.

supervisord restarts what ends, waits longer each time, and turns the logs over. Its own control socket is a unix
socket in a private folder. Each program is told by the kernel to end when supervisord dies (launch.py), and
supervisord when `make up` does, so nothing is left running unwatched.
"""

import http.client
import signal
import sys
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport  # type: ignore[import-untyped]

from vsaas.onebox import launch
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout
from vsaas.onebox.passwords import write_private_text
from vsaas.onebox.places import check_socket_path
from vsaas.onebox.postgres import ENVIRONMENT
from vsaas.onebox.processes import Identity, Program, log_tail, wait_until

STOP_SECONDS = 20  # then a program is killed
RETRIES = 30  # each wait is a second longer than the one before; then we ask for another round
ENDED = ("STOPPED", "EXITED", "FATAL")


@dataclass(frozen=True)
class Service:
    """One supervised program: its command line (no secrets) and environment (secrets allowed)."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    is_store: bool = False  # others need it until they have ended


@dataclass(frozen=True)
class State:
    """What supervisord says of one program."""

    name: str
    word: str  # STOPPED STARTING RUNNING BACKOFF STOPPING EXITED FATAL UNKNOWN
    pid: int
    exit_status: int
    why: str


class Supervisor:
    """The supervisor of one checkout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.socket = check_socket_path(layout.run / "supervisor.sock")
        self.config = layout.secrets / "supervisord.conf"
        self.stores: set[str] = set()
        self.program = Program(
            "the supervisor",
            [
                sys.executable,
                "-m",
                "supervisor.supervisord",
                "--nodaemon",
                "--configuration",
                str(self.config),
            ],
            env=ENVIRONMENT,
            log=layout.log("supervisor-start"),
        )

    def start(self, services: Sequence[Service]) -> None:
        """Writes the configuration (0600: it holds the environments) and starts supervisord; starts no program yet."""
        self.stores = {service.name for service in services if service.is_store}
        write_private_text(self.config, self._configuration(services))
        self.program.start()
        self.program.wait_ready(self._answers, 30)

    def stop(self) -> None:
        """Stops the programs, the stores after all others, then supervisord."""
        for name in self._busy():
            try:
                self._ask("stopProcess", name, False)
            except xmlrpc.client.Fault as fault:
                if fault.faultCode != Faults.NOT_RUNNING:  # it ended by itself in this very moment
                    raise
        wait_until(lambda: not self._busy(), STOP_SECONDS + 5)
        self.program.stop(patience_seconds=(len(self.stores) + 1) * STOP_SECONDS)
        self.config.unlink(missing_ok=True)

    def _busy(self) -> list[str]:
        alive = [state.name for state in self.states().values() if state.word not in ENDED]
        return [name for name in alive if name not in self.stores]

    def running(self) -> bool:
        """Whether supervisord itself runs."""
        return self.program.running()

    def start_services(self, ready: Mapping[str, Callable[[], bool]], patience_seconds: float = 60) -> None:
        """Starts programs at the same time and returns when each one's `ready` says yes.

        Raises OneboxError with the end of its log when one keeps ending or time is up.
        """
        for name in ready:
            self._ask("startProcess", name, False)
        for name, is_ready in ready.items():
            self._wait(name, is_ready, patience_seconds)

    def _wait(self, name: str, is_ready: Callable[[], bool], patience_seconds: float) -> None:
        wait_until(lambda: is_ready() or self._hopeless(name), patience_seconds)
        if not is_ready():
            log = self.layout.log(name)
            raise OneboxError(
                f"cannot start {name}: {self._situation(name)}; {log} ends with: {log_tail(log, 1200)}"
            )

    def restart(self, name: str) -> None:
        """Stops one program and starts it again; it is back when it is, as after a crash."""
        try:
            self._ask("stopProcess", name, True)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != Faults.NOT_RUNNING:
                raise
        self._ask("startProcess", name, False)

    def try_again(self, name: str) -> None:
        """Asks for another round of starting a program supervisord gave up on."""
        self._ask("startProcess", name, False)

    def states(self) -> dict[str, State]:
        """Every program with its state; empty when supervisord does not answer."""
        try:
            return {
                entry["name"]: State(
                    entry["name"], entry["statename"], entry["pid"], entry["exitstatus"], entry["spawnerr"]
                )
                for entry in self._ask("getAllProcessInfo")
            }
        except (OSError, http.client.HTTPException):
            return {}

    def is_running(self, name: str) -> bool:
        """Whether a program has run long enough to count as started."""
        state = self.states().get(name)
        return state is not None and state.word == "RUNNING"

    def identities(self) -> dict[str, Identity]:
        """supervisord and the living programs, so that they can be known again."""
        pids = {name: state.pid for name, state in self.states().items() if state.pid}
        if self.program.running():
            pids["supervisor"] = self.program.pid
        found = {name: Identity.of(pid) for name, pid in pids.items()}
        return {name: process for name, process in found.items() if process}

    def _ask(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()

    def _answers(self) -> bool:
        try:
            return bool(self._ask("getState")["statecode"] == 1)
        except (OSError, http.client.HTTPException):
            return False

    def _hopeless(self, name: str) -> bool:
        state = self.states().get(name)
        return state is None or state.word in ("BACKOFF", "FATAL", "EXITED")

    def _situation(self, name: str) -> str:
        state = self.states().get(name)
        if state is None:
            return "the supervisor has ended"
        return (
            f"it ended ({state.why})"
            if state.word in ("BACKOFF", "FATAL", "EXITED")
            else "it does not answer"
        )

    def _configuration(self, services: Sequence[Service]) -> str:
        layout = self.layout
        head = [
            "[unix_http_server]",
            f"file={_escaped(str(self.socket))}",
            "chmod=0700",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
            "[supervisord]",
            "nodaemon=true",
            "silent=true",
            "umask=077",
            "strip_ansi=true",
            f"logfile={_escaped(str(layout.log('supervisor')))}",
            "logfile_maxbytes=5MB",
            "logfile_backups=2",
            f"pidfile={_escaped(str(layout.var / 'supervisord.pid'))}",
        ]
        for number, service in enumerate(services):
            head += self._program(number, service)
        return "\n".join(head) + "\n"

    def _program(self, number: int, service: Service) -> list[str]:
        launcher = [sys.executable, "-I", "-S", launch.__file__, str(int(service.stop_signal))]
        words = [*launcher, service.user or "-", *service.command]
        env = ",".join(f"{name}={_quoted(value)}" for name, value in service.env.items())
        return [
            f"[program:{service.name}]",
            f"command={' '.join(_quoted(word) for word in words)}",
            f"environment={env}",
            f"directory={'/' if service.user else _escaped(str(self.layout.root))}",
            f"priority={number + 1}",
            "autostart=false",
            "autorestart=true",
            "startsecs=2",
            f"startretries={RETRIES}",
            f"stopsignal={service.stop_signal.name.removeprefix('SIG')}",
            f"stopwaitsecs={STOP_SECONDS}",
            "killasgroup=true",
            "umask=077",
            "redirect_stderr=true",
            f"stdout_logfile={_escaped(str(self.layout.log(service.name)))}",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=2",
        ]


def _escaped(text: str) -> str:
    """As supervisord's configuration wants it: it expands %(…)s."""
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """One word of a command line or one value of an environment, for supervisord's shlex."""
    if any(sign in text for sign in ('"', "\n", "\\", " ;")):
        raise OneboxError(
            f"cannot hand {len(text)} characters to a process: a quote, line end, backslash or ' ;' in them"
        )
    return f'"{_escaped(text)}"'
