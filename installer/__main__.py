"""`make deb`, `make single`, `make lock`: python -m installer {deb|single|lock} [--architecture amd64|arm64 …] [--to FOLDER]."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from installer.build import MACHINES, ROOT, BuildError, build_deb, build_single, lock


def main() -> int:
    """Build what is asked for; prints the path of each file."""
    parser = argparse.ArgumentParser(prog="python -m installer", description=__doc__)
    parser.add_argument("what", choices=("deb", "single", "lock"))
    parser.add_argument("--architecture", action="append", choices=tuple(MACHINES), help="default: each")
    parser.add_argument("--to", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
    options = parser.parse_args()
    try:
        if options.what == "lock":
            print(lock())
            return 0
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    build = build_deb if options.what == "deb" else build_single
    for architecture in options.architecture or MACHINES:
        try:
            print(build(architecture, options.to.absolute()))
        except BuildError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
