"""Progress lines: seconds since the command began, then what happened."""

import os
import time


def begin() -> None:
    """Starts the clock, unless the command before this one did."""
    os.environ.setdefault("VSAAS_ONEBOX_BEGAN", str(time.time()))


def say(line: str) -> None:
    """Prints one progress line at once."""
    begin()
    print(f"[{time.time() - float(os.environ['VSAAS_ONEBOX_BEGAN']):5.1f} s] {line}", flush=True)
