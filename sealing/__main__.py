"""Looking at sealed footage without the portal: `python -m sealing inspect | verify | open`.

Exit codes: 0 verified (`inspect`: readable), 1 anything less, 2 wrong use or a folder that cannot be read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .commissioning import verify_commissioning
from .errors import BadFolder, SealingError
from .folder import Folder, read_keys
from .ids import EventType, GapReason, Stream, read_fingerprint, show_fingerprint
from .inspecting import inspect
from .opening import Opened, open_stream
from .show import Json
from .statement import Seen
from .verify import Failure, Report, State, StreamReport, first_of, verify_folder

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (SealingError, OSError) as error:
        sys.stderr.write(f"sealing: {error}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sealing", description=__doc__.splitlines()[0] if __doc__ else None
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    look = commands.add_parser("inspect", help="show what a file of the format holds, without verifying it")
    look.add_argument("file", type=Path, metavar="FILE")
    look.set_defaults(run=_inspect)
    check = commands.add_parser("verify", help="verify a footage folder")
    check.set_defaults(run=_verify)
    opening = commands.add_parser(
        "open", help="open a footage folder into ordinary MP4 files, verifying it on the way"
    )
    opening.add_argument("--key", type=Path, required=True, metavar="FILE", help="key file")
    opening.add_argument("-o", dest="out", type=Path, required=True, metavar="OUT.mp4")
    opening.add_argument("--camera", metavar="ID", help="which camera, where the folder holds several")
    opening.add_argument(
        "--stream", choices=("main", "sub"), help="which stream, where the folder holds both"
    )
    opening.add_argument("--no-audio", action="store_true", help="leave the audio out")
    opening.set_defaults(run=_open)
    signed = commands.add_parser("commissioning", help="verify a commissioning report and show it")
    signed.add_argument("file", type=Path, metavar="FILE")
    signed.add_argument(
        "--trust",
        metavar="FINGERPRINT",
        required=True,
        help="fingerprint of the tenant's root, 64 hex digits",
    )
    signed.set_defaults(run=_commissioning)
    for command in (check, opening):
        command.add_argument("folder", type=Path, metavar="FOLDER")
        command.add_argument(
            "--trust", metavar="FINGERPRINT", help="fingerprint of the tenant's root, 64 hex digits"
        )
        command.add_argument(
            "--seen", type=Path, metavar="FILE", help="remembers the statements seen, to notice a roll-back"
        )
    for command in (look, check, opening):
        command.add_argument("--json", action="store_true", help="write one JSON document")
    return parser


def _inspect(options: argparse.Namespace) -> int:
    shown = inspect(options.file)
    if options.json:
        _print_json(shown)
    else:
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        print("Nothing was verified.")
    return 0


def _commissioning(options: argparse.Namespace) -> int:
    report = verify_commissioning(options.file.read_bytes(), read_fingerprint(options.trust))
    print(json.dumps(report, indent=2, ensure_ascii=False))
    return 0


def _verify(options: argparse.Namespace) -> int:
    report = _verified(options)
    if options.json:
        _print_json(_report_json(report))
    else:
        _print_report(report)
    return 0 if report.state.is_verified else 1


def _verified(options: argparse.Namespace) -> Report:
    """Verify the folder; read what was seen before and remember what is seen now."""
    trusted = None if options.trust is None else read_fingerprint(options.trust)
    seen = _read_seen(options.seen, trusted)
    report = verify_folder(options.folder, trusted, seen)
    if options.seen is not None and trusted is not None and report.seen is not None:
        _write_seen(options.seen, trusted, report.seen)
    return report


def _read_seen(path: Path | None, trusted: bytes | None) -> Seen | None:
    if path is None or not path.exists():
        return None
    try:
        document = json.loads(path.read_text())
        root, seen = (
            bytes.fromhex(document["root"]),
            Seen(int(document["number"]), bytes.fromhex(document["hash"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BadFolder(f"{path}: not a file that --seen wrote") from error
    if trusted is not None and root != trusted:
        raise BadFolder(f"{path} remembers another tenant's statements: use one file per root")
    return seen


def _write_seen(path: Path, trusted: bytes, seen: Seen) -> None:
    document = json.dumps({"root": trusted.hex(), "number": seen.number, "hash": seen.hash.hex()})
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(document + "\n")
    os.replace(fresh, path)


def _open(options: argparse.Namespace) -> int:
    keys = read_keys(options.key)
    report = _verified(options)
    opened, failures = Opened(), list(report.failures)
    if report.streams:
        chosen = _chosen(report, options)
        opened = open_stream(Folder(options.folder), chosen, keys, options.out, audio=not options.no_audio)
        at_fault = {failure.object for failure in opened.failures}
        failures += [item for item in chosen.failures if item.object is None or item.object not in at_fault]
        failures += opened.failures
    state = min([report.state, *(failure.state for failure in opened.failures)])
    first = first_of(failures)
    last_good_us = _good_until(opened, first)
    if options.json:
        _print_json(_opened_json(report, opened, state, first, last_good_us))
    else:
        _print_opened(report, opened, state, first, last_good_us)
    return 0 if state.is_verified else 1


def _good_until(opened: Opened, first: Failure | None) -> int | None:
    """End of what was opened before the first failure; None where nothing was, or nobody knows when it failed."""
    if first is None:
        return max((file.to_us for file in opened.files), default=None)
    if first.time_us is None:
        return None
    return max(
        (min(file.to_us, first.time_us) for file in opened.files if file.from_us < first.time_us),
        default=None,
    )


def _chosen(report: Report, options: argparse.Namespace) -> StreamReport:
    """The stream to open. Raises BadFolder, naming the choices, unless exactly one fits."""
    fitting = [
        item
        for item in report.streams
        if options.camera in (None, str(item.camera), item.camera.hex, item.name)
        and options.stream in (None, item.stream.name.lower())
    ]
    if len(fitting) == 1:
        return fitting[0]
    mains = [item for item in fitting if item.stream is Stream.MAIN]
    if len(mains) == 1 and len({item.camera for item in fitting}) == 1:
        return mains[0]
    choices = ", ".join(
        f"--camera {item.camera} --stream {item.stream.name.lower()}" for item in report.streams
    )
    raise BadFolder(f"say which to open: {choices}")


def iso(time_us: int) -> str:
    """UTC with microseconds."""
    return (
        (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    )


def _time_json(time_us: int | None) -> Json:
    return None if time_us is None else {"time": iso(time_us), "time_us": time_us}


def _failure_json(failure: Failure | None) -> Json:
    if failure is None:
        return None
    return {
        "time": None if failure.time_us is None else iso(failure.time_us),
        "time_us": failure.time_us,
        "state": failure.state.text,
        "error": failure.error.name,
        "message": str(failure.error),
        "camera": None if failure.camera is None else str(failure.camera),
        "stream": None if failure.stream is None else failure.stream.name.lower(),
        "object": failure.object,
        "chain": None if failure.chain is None else failure.chain.hex(),
        "seq": failure.seq,
    }


def _stream_json(report: StreamReport) -> Json:
    begin_us, end_us = report.span_us or (None, None)
    return {
        "camera": str(report.camera),
        "name": report.name,
        "stream": report.stream.name.lower(),
        "state": report.state.text,
        "first_failure": _failure_json(report.first_failure),
        "last_good": _time_json(report.last_good_us),
        "from": _time_json(begin_us),
        "to": _time_json(end_us),
        "segments": len(report.segments),
        "segments_good": len(report.good),
        "segments_deleted_by_policy": len(report.deleted),
        "segments_unplaced": len(report.unplaced),
        "gaps": [
            {
                "from": iso(gap.start_us),
                "to": iso(gap.end_us),
                "from_us": gap.start_us,
                "to_us": gap.end_us,
                "reason": gap.reason,
            }
            for gap in report.gaps
        ],
        "events": {_event_name(kind): count for kind, count in sorted(report.events.items())},
        "failures": [_failure_json(item) for item in report.failures],
    }


def _report_json(report: Report) -> dict[str, Json]:
    return {
        "state": report.state.text,
        "verified": report.state.is_verified,
        "first_failure": _failure_json(report.first_failure),
        "last_good": _time_json(report.last_good_us),
        "root_fingerprint": None if report.fingerprint is None else report.fingerprint.hex(),
        "root_trusted": report.trusted and report.fingerprint is not None,
        "statements": None
        if report.seen is None
        else {"number": report.seen.number, "hash": report.seen.hash.hex()},
        "failures": [_failure_json(item) for item in report.failures],
        "cameras": [_stream_json(stream) for stream in report.streams],
    }


def _opened_json(
    report: Report, opened: Opened, state: State, first: Failure | None, last_good_us: int | None
) -> Json:
    return {
        **_report_json(report),
        "state": state.text,
        "verified": state.is_verified,
        "first_failure": _failure_json(first),
        "last_good": _time_json(last_good_us),
        "files": [
            {
                "path": str(file.path),
                "from": iso(file.from_us),
                "to": iso(file.to_us),
                "from_us": file.from_us,
                "to_us": file.to_us,
                "tracks": [rendition.name.lower() for rendition in file.renditions],
            }
            for file in opened.files
        ],
        "not_opened": [_failure_json(item) for item in opened.failures],
    }


def _print_json(value: Json) -> None:
    print(json.dumps(value, ensure_ascii=False))


def _print_report(report: Report) -> None:
    print(f"State: {report.state.text}")
    if report.fingerprint is not None:
        how = "the one you trust" if report.trusted else "not compared with anything: pass --trust to verify"
        print(f"Root:  {show_fingerprint(report.fingerprint)} ({how})")
    for failure in report.failures:
        print(f"{_failure_text(failure)}")
    for stream in report.streams:
        _print_stream(stream)


def _print_stream(report: StreamReport) -> None:
    print(f"\n{report.name or report.camera} ({report.stream.name.lower()}): {report.state.text}")
    if report.span_us is not None:
        begin_us, end_us = report.span_us
        print(
            f"  records from {iso(begin_us)} to {iso(end_us)}; nothing shows whether newer ones were left out"
        )
    print(f"  {len(report.good)} of {len(report.segments)} segments hold", end="")
    print(f", {len(report.deleted)} deleted by policy" if report.deleted else "", end="")
    print(f", {len(report.unplaced)} with a time that cannot be right" if report.unplaced else "")
    for gap in report.gaps:
        print(f"  declared gap {iso(gap.start_us)} to {iso(gap.end_us)}: {_reason(gap.reason)}")
    if report.events:
        told = ", ".join(f"{count} {_event_name(kind)}" for kind, count in sorted(report.events.items()))
        print(f"  records of events: {told}")
    for failure in sorted(report.failures, key=lambda item: item.time_us or 0)[:20]:
        print(f"  {_failure_text(failure)}")
    if len(report.failures) > 20:
        print(f"  and {len(report.failures) - 20} more: use --json to see them all")
    if report.first_failure is not None and report.last_good_us is not None:
        print(f"  good until {iso(report.last_good_us)}")


def _reason(reason: int) -> str:
    try:
        return GapReason(reason).name.lower().replace("_", " ")
    except ValueError:
        return f"unknown reason {reason}"


def _event_name(kind: int) -> str:
    try:
        return EventType(kind).name.lower().replace("_", " ")
    except ValueError:
        return f"unknown type {kind}"


def _failure_text(failure: Failure) -> str:
    when = "at a time nobody knows" if failure.time_us is None else f"at {iso(failure.time_us)}"
    where = f", {failure.object}" if failure.object else ""
    return f"{failure.state.text} {when}{where}: {failure.error} [{failure.error.name}]"


def _print_opened(
    report: Report, opened: Opened, state: State, first: Failure | None, last_good_us: int | None
) -> None:
    for file in opened.files:
        tracks = " and ".join("audio" if item.name == "AUDIO" else "video" for item in file.renditions)
        print(f"{file.path}: {iso(file.from_us)} to {iso(file.to_us)}, {tracks}")
    print(f"State: {state.text}")
    if not report.trusted:
        print("The root was not compared with anything: pass --trust to verify.")
    if first is not None:
        print(_failure_text(first))
        if last_good_us is not None:
            print(f"Good until {iso(last_good_us)}.")


if __name__ == "__main__":
    raise SystemExit(main())
