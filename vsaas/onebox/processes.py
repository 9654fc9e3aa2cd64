"""Starting and stopping one program, and knowing it again later.

A process is known by its number, the boot it belongs to and its start tick: numbers come round again, and
nothing that we did not start is ever signalled.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vsaas.onebox.errors import OneboxError

PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Identity:
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    started: str  # boot id and start tick, as text

    @staticmethod
    def of(pid: int) -> "Identity | None":
        """The identity of a living process, or None when there is none (or only its remains)."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in "ZX" else Identity(pid, f"{boot}:{fields[19]}")  # 22nd of proc(5)

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Identity.of(self.pid) == self

    def send(self, number: signal.Signals) -> None:
        """Signals it, when it still is the same process."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return  # ended in this very moment, which is what was asked for


def stop_identity(
    process: Identity, number: signal.Signals = signal.SIGTERM, patience_seconds: float = 20
) -> None:
    """Asks a process to end and, when it does not, kills it."""
    process.send(number)
    if not wait_until(lambda: not process.alive(), patience_seconds):
        process.send(signal.SIGKILL)
        if not wait_until(lambda: not process.alive(), 5):
            raise OneboxError(f"process {process.pid} does not end even when killed; look at it with ps")


def wait_until(condition: Callable[[], bool], patience_seconds: float, pause_seconds: float = 0.02) -> bool:
    """Whether `condition` came true in time; asks again at growing intervals, at most every 0.25 s."""
    end = time.monotonic() + patience_seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 1.5, 0.25)
    return True


class Program:
    """One child process with a log file; it is told to end when its parent dies, however it dies."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        log: Path,
        user: pwd.struct_passwd | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name, self.command, self.env, self.log = name, list(command), dict(env), log
        self.user, self.stop_signal = user, stop_signal
        self.child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process number; raises when it was not started."""
        if self.child is None:
            raise OneboxError(f"{self.name} was not started")
        return self.child.pid

    def start(self) -> None:
        """Starts it, appending what it prints to its log."""
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self.child = subprocess.Popen(
                self.command,
                env=self.env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                start_new_session=True,
                umask=0o077,
                preexec_fn=self._end_with_parent,  # one prctl call: takes no locks
                user=self.user.pw_uid if self.user else None,
                group=self.user.pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
            )
        except OSError as error:
            raise OneboxError(f"cannot start {self.name}: {error.strerror} ({self.command[0]})") from None
        finally:
            os.close(handle)

    def _end_with_parent(self) -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(self.stop_signal))

    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.child is not None and self.child.poll() is None

    def stop(self, patience_seconds: float = 20) -> None:
        """Ends it, by force when it does not listen; nothing happens when it is not running."""
        if self.child is None:
            return
        if self.child.poll() is None:
            self.child.send_signal(self.stop_signal)
            try:
                self.child.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
        self.child = None

    def wait_ready(self, ready: Callable[[], bool], patience_seconds: float) -> None:
        """Returns once `ready` answers yes; raises with the end of the log when the program ends or time is up."""
        if wait_until(lambda: ready() or not self.running(), patience_seconds) and self.running():
            return
        code = None if self.child is None else self.child.poll()
        ended = f"it ended with status {code}" if code is not None else f"not ready in {patience_seconds:g} s"
        self.stop()
        raise OneboxError(f"cannot start {self.name}: {ended}; {self.log} ends with: {log_tail(self.log)}")


def log_tail(log: Path, size_bytes: int = 400) -> str:
    """The last lines of a log on one line, for an error message."""
    text = log.read_bytes()[-size_bytes:].decode(errors="replace") if log.exists() else ""
    return " / ".join(line.strip() for line in text.splitlines()[-4:]) or "(nothing)"
