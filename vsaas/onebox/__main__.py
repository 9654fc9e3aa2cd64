"""`python -m vsaas.onebox up|down|clean|backup|restore`: everything on this machine."""

import sys
from collections.abc import Callable
from pathlib import Path

from vsaas.onebox.backup import backup
from vsaas.onebox.clean import clean, down
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.progress import begin
from vsaas.onebox.restore import restore
from vsaas.onebox.up import up

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS: dict[str, Callable[[Path], None]] = {
    "up": up,
    "down": down,
    "clean": clean,
    "backup": backup,
    "restore": restore,
}


def main(arguments: list[str]) -> int:
    """Runs one command; 0 when it did what was asked."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m vsaas.onebox {{{'|'.join(COMMANDS)}}}", file=sys.stderr)
        return 2
    begin()
    try:
        COMMANDS[arguments[0]](ROOT)
    except OneboxError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
