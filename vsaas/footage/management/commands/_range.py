"""What the footage commands share: a camera by id or name, and a range of time."""

import contextlib
import uuid
from argparse import ArgumentTypeError
from dataclasses import dataclass
from typing import Any

from django.core.management.base import CommandError, CommandParser

from sealing.ids import Stream
from tenants.scope import tenant_scope
from vsaas.cameras.models import Camera
from vsaas.footage.times import from_iso


@dataclass(frozen=True)
class Range:
    """The camera, its streams and the time a command is about."""

    camera: Camera
    streams: list[Stream]
    from_us: int
    to_us: int


def add_range(parser: CommandParser) -> None:
    """CAMERA --from --to [--stream]."""
    parser.add_argument("camera", help="the camera's id or name")
    parser.add_argument(
        "--from", dest="from_us", type=_instant, required=True, metavar="TIME", help="ISO 8601 with zone"
    )
    parser.add_argument(
        "--to", dest="to_us", type=_instant, required=True, metavar="TIME", help="ISO 8601 with zone"
    )
    parser.add_argument("--stream", choices=["main", "sub"], help="one stream alone (default: both)")


def read_range(tenant: uuid.UUID, options: dict[str, Any]) -> Range:
    """Raises CommandError."""
    if options["from_us"] >= options["to_us"]:
        raise CommandError("--to must lie after --from")
    with tenant_scope(tenant):
        camera = _camera(options["camera"])
    streams = [Stream[options["stream"].upper()]] if options["stream"] else list(Stream)
    return Range(camera, streams, options["from_us"], options["to_us"])


def _instant(text: str) -> int:
    try:
        return from_iso(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a time: {error}") from error


def _camera(named: str) -> Camera:
    rows = Camera.objects.filter(name=named)
    with contextlib.suppress(ValueError):  # a name, not an id
        rows = rows | Camera.objects.filter(id=uuid.UUID(named))
    found = list(rows[:2])
    if not found:
        raise CommandError(f"no camera is called {named!r}")
    if len(found) > 1:
        raise CommandError(f"several cameras are called {named!r}: give the id")
    return found[0]
