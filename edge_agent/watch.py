"""The status, shown again and again on a terminal until interrupted. It reads files and takes no key: it changes nothing."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Final, TextIO

from edge_agent.status import read_report

_HOME: Final = "\x1b[H"
_TO_LINES_END: Final = "\x1b[K"
_TO_SCREENS_END: Final = "\x1b[J"
_OWN_SCREEN: Final = "\x1b[?1049h\x1b[?25l"
_BACK: Final = "\x1b[?25h\x1b[?1049l"


def watch(state: Path, every_s: float, out: TextIO) -> None:
    """Until Ctrl-C. On a terminal the screen is drawn over, and given back at the end; elsewhere reports follow each other.

    Raises NotEnrolled, StateUnusable.
    """
    on_terminal = out.isatty()
    text = _page(state)  # what cannot be read at all is said before the screen is taken
    if on_terminal:
        out.write(_OWN_SCREEN)
    try:
        while True:
            out.write(_drawn(text, os.get_terminal_size(out.fileno())) if on_terminal else text + "\n\n")
            out.flush()
            time.sleep(every_s)
            text = _page(state)
    except KeyboardInterrupt:
        return
    finally:
        if on_terminal:
            out.write(_BACK)
            out.flush()


def _page(state: Path) -> str:
    return f"{read_report(state).text()}\n{datetime.now().astimezone():%Y-%m-%d %H:%M:%S %Z} · Ctrl-C ends this view"


def _drawn(text: str, size: os.terminal_size) -> str:
    """The text from the screen's first line on, cut to its size, nothing left of what stood there."""
    lines = text.splitlines()
    if len(lines) > size.lines:
        hidden = len(lines) - size.lines + 1
        lines = [*lines[: size.lines - 2], f"… {hidden} more lines: make the window taller", lines[-1]]
    shown = "\n".join(f"{line[: size.columns]}{_TO_LINES_END}" for line in lines)
    return f"{_HOME}{shown}{_TO_SCREENS_END}"
