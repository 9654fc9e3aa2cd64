"""While everything runs: says what ended and was started again."""

import time
from collections.abc import Callable

from vsaas.onebox import lock
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout
from vsaas.onebox.supervisor import State, Supervisor

POLL_SECONDS = 1.0
HOUR_SECONDS = 3600.0


def changes(before: dict[str, State], now: dict[str, State]) -> list[str]:
    """What to tell people about the difference between two looks at the programs."""
    return [line for name, state in now.items() if (line := _change(before.get(name), state))]


def _change(before: State | None, now: State) -> str | None:
    if before is None or before.word == "STOPPED":
        return None
    if now.word == "FATAL" and before.word != "FATAL":
        return f"{now.name} keeps ending ({now.why}); trying again"
    if now.word in ("BACKOFF", "EXITED") and before.word in ("RUNNING", "STARTING"):
        return f"{now.name} ended ({now.why or f'status {now.exit_status}'}); starting it again"
    if now.pid and before.pid and now.pid != before.pid:
        return f"{now.name} ended and was started again (now process {now.pid})"
    if now.word == "RUNNING" and before.word in ("BACKOFF", "EXITED", "FATAL"):
        return f"{now.name} runs again (process {now.pid})"
    return None


def watch(
    layout: Layout, supervisor: Supervisor, say: Callable[[str], None], hourly: Callable[[], None]
) -> None:
    """Looks at the programs each second until a signal ends it; raises when the supervisor itself dies."""
    before = supervisor.states()
    hour_ends = time.monotonic() + HOUR_SECONDS
    while True:
        time.sleep(POLL_SECONDS)
        if time.monotonic() >= hour_ends:
            hourly()
            hour_ends = time.monotonic() + HOUR_SECONDS
        now = supervisor.states()
        if not supervisor.running():
            raise OneboxError(
                f"the supervisor has ended, and with it everything it ran; see {layout.log('supervisor')}; "
                "start again with: make up"
            )
        for line in changes(before, now):
            say(f"{line}; see {layout.logs}")
        for state in now.values():
            if state.word == "FATAL":
                supervisor.try_again(state.name)
        if {name: state.pid for name, state in now.items()} != {n: s.pid for n, s in before.items()}:
            lock.record(layout, supervisor.identities())
        before = now or before
