"""`make deb`, `make single`, `make lock`, and what signs releases: python -m installer {deb,single,lock,release-key,introduce,release}."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from installer.build import MACHINES, ROOT, BuildError, build_deb, build_single, lock
from installer.release import introduce, make_key, make_release, read_public


def main() -> int:
    """Build what is asked for; prints the path of each file."""
    options = _parser().parse_args()
    try:
        for path in _work(options):
            print(path)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m installer", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("lock", help="resolve the agent's requirements anew")
    for name, text in (("deb", "Debian packages"), ("single", "one executable file each")):
        build = commands.add_parser(name, help=text)
        build.add_argument("--architecture", action="append", choices=tuple(MACHINES), help="default: each")
        build.add_argument("--to", type=Path, default=ROOT / "dist", metavar="FOLDER", help="default: dist")
        build.add_argument(
            "--release-key",
            action="append",
            type=Path,
            default=[],
            metavar="FILE.pub",
            help="take updates signed by this key; may be repeated; without one the agent does not update itself",
        )
    key = commands.add_parser("release-key", help="make a key that signs releases, outside the source tree")
    key.add_argument("file", type=Path)
    introduction = commands.add_parser(
        "introduce", help="have a release key introduce the one that follows it"
    )
    introduction.add_argument("--key", type=Path, required=True, metavar="FILE")
    introduction.add_argument("--to", type=Path, required=True, metavar="FILE")
    introduction.add_argument("other", type=Path, metavar="FILE.pub")
    release = commands.add_parser("release", help="sign which files a version consists of")
    release.add_argument("--key", type=Path, required=True, metavar="FILE")
    release.add_argument("--introduction", action="append", type=Path, default=[], metavar="FILE")
    release.add_argument(
        "--updates-from",
        default="0",
        metavar="VERSION",
        help="the oldest version that may step to this one; default: any",
    )
    release.add_argument("--notes", default="", help="what people should know of it")
    release.add_argument("files", nargs="+", type=Path, help="packages and single files of this version")
    return parser


def _work(options: argparse.Namespace) -> Iterable[Path]:
    if options.what == "lock":
        yield lock()
    elif options.what == "release-key":
        yield make_key(options.file)
    elif options.what == "introduce":
        yield introduce(options.key, options.other, options.to)
    elif options.what == "release":
        yield make_release(
            options.key,
            options.files,
            updates_from=options.updates_from,
            notes=options.notes,
            introductions=options.introduction,
        )
    else:
        keys = [read_public(path) for path in options.release_key]
        if not keys:
            print("without --release-key what is built does not update itself", file=sys.stderr)
        build = build_deb if options.what == "deb" else build_single
        for architecture in options.architecture or MACHINES:
            yield build(architecture, options.to.absolute(), release_keys=keys)


if __name__ == "__main__":
    sys.exit(main())
