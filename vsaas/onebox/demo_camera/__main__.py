"""Run the demo camera: `python -m vsaas.onebox.demo_camera --port 8554 --user demo --password-file FILE`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from vsaas.onebox.demo_camera.camera import DemoCamera
from vsaas.onebox.demo_camera.certificate import ensure_certificate
from vsaas.onebox.demo_camera.config import MAIN, SUB, DemoCameraConfig
from vsaas.onebox.demo_camera.faults import NAMED, ScheduledFault
from vsaas.onebox.demo_camera.keystore import Keystore
from vsaas.onebox.demo_camera.onvif import Encoder, OnvifCamera, answering_probes, onvif_camera
from vsaas.onebox.passwords import write_private_text

PASSWORD_VARIABLE = "VSAAS_CAMERA_PASSWORD"  # noqa: S105 (the name of the variable)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vsaas.onebox.demo_camera",
        description="An RTSP camera that shows a moving test card with the wall clock in it. Streams: /main, /sub.",
        epilog=f"The password comes from --password-file or from {PASSWORD_VARIABLE}, never from an option.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8554, help="0 takes a free one (%(default)s)")
    parser.add_argument("--user", default="demo", help="user name (%(default)s)")
    parser.add_argument("--password-file", type=Path, help="file whose first line is the password")
    parser.add_argument("--size", default=f"{MAIN.width}x{MAIN.height}", help="of main (%(default)s)")
    parser.add_argument("--fps", type=int, default=MAIN.fps, help="of main (%(default)s)")
    parser.add_argument("--bitrate", type=int, default=MAIN.bitrate_bps, help="of main, bit/s (%(default)s)")
    parser.add_argument("--sub-fps", type=int, default=SUB.fps, help="of sub (%(default)s)")
    parser.add_argument("--sub-bitrate", type=int, default=SUB.bitrate_bps, help="bit/s (%(default)s)")
    parser.add_argument("--gop", type=float, default=MAIN.gop_seconds, help="seconds (%(default)s)")
    parser.add_argument("--audio", choices=("aac", "pcma", "pcmu", "none"), default="aac")
    parser.add_argument(
        "--certificate",
        type=Path,
        help="file with a key and a certificate, made where it is missing: speak RTSPS and nothing else",
    )
    parser.add_argument(
        "--onvif",
        type=int,
        metavar="PORT",
        help="be an ONVIF camera too: services on this port, an answer to searches on the network of --host, and a password "
        "that can be changed (it is written into --password-file)",
    )
    parser.add_argument("--model", default="Demo 1", help="what it says it is (%(default)s)")
    parser.add_argument(
        "--faults",
        default="",
        help="comma-separated: name, name=value, each with @seconds after which it starts. "
        f"Names: {', '.join(sorted(NAMED))}",
    )
    parser.add_argument("--verbose", action="store_true", help="log every refused request")
    return parser


def _password(options: argparse.Namespace) -> str:
    if options.password_file is not None:
        lines: list[str] = options.password_file.read_text(encoding="utf-8").splitlines()
        password = lines[0].strip() if lines else ""
    else:
        password = os.environ.get(PASSWORD_VARIABLE, "")
    if not password:
        raise ValueError(f"there is no password: name a --password-file or set {PASSWORD_VARIABLE}")
    return password


def _config(options: argparse.Namespace) -> DemoCameraConfig:
    width, _, height = options.size.partition("x")
    return DemoCameraConfig(
        host=options.host,
        port=options.port,
        username=options.user,
        password=_password(options),
        main=replace(
            MAIN,
            width=int(width),
            height=int(height),
            fps=options.fps,
            bitrate_bps=options.bitrate,
            gop_seconds=options.gop,
        ),
        sub=replace(SUB, fps=options.sub_fps, bitrate_bps=options.sub_bitrate, gop_seconds=options.gop),
        audio=None if options.audio == "none" else options.audio,
        certificate=options.certificate,
    )


async def _apply(fault: ScheduledFault, camera: DemoCamera) -> None:
    await asyncio.sleep(fault.after_seconds)
    fault.apply(camera.faults)


@contextmanager
def _onvif(camera: DemoCamera, port: int, model: str, password_file: Path | None) -> Iterator[None]:
    """Its services, until the block ends."""
    config, main, sub = camera.config, camera.config.main, camera.config.sub

    def changed(user: str, password: str) -> None:
        camera.password = password
        if password_file is not None:
            write_private_text(password_file, password + "\n")

    device = OnvifCamera(
        make="VSaaS",
        model=model,
        firmware="1.0",
        serial=f"DEMO-{camera.port}",
        users={config.username: (camera.password, "Administrator")},
        encoders=[
            Encoder(
                name,
                "H264",
                one.width,
                one.height,
                one.fps,
                one.bitrate_bps // 1000,
                one.gop_frames,
                f"/{name}",
            )
            for name, one in (("main", main), ("sub", sub))
        ],
        rtsp=f"rtsp://{config.host}:{camera.port}",
        host=config.host,
        port=port,
        on_password=changed,
        keystore=Keystore(),
    )
    with onvif_camera(device), answering_probes(device, f"VSaaS {model}"):
        yield


async def _run(config: DemoCameraConfig, faults: list[ScheduledFault], options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with DemoCamera(config) as camera, asyncio.TaskGroup() as group:
        also = ExitStack()
        if options.onvif is not None:
            also.enter_context(_onvif(camera, options.onvif, options.model, options.password_file))
        tasks = [group.create_task(_apply(fault, camera)) for fault in faults]
        scheme = "rtsp" if config.certificate is None else "rtsps"
        print(f"demo camera ready: {scheme}://{config.host}:{camera.port}/main and /sub", flush=True)
        with also:
            await stop.wait()
        for task in tasks:
            task.cancel()


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; return the exit status (2 for options that make no sense)."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    status = 0
    try:
        faults = [ScheduledFault(text) for text in options.faults.split(",") if text.strip()]
        if options.certificate is not None:
            ensure_certificate(options.certificate)
        asyncio.run(_run(_config(options), faults, options))
    except* (ValueError, OSError) as group:
        for cause in group.exceptions:
            print(f"cannot run the demo camera: {cause}", file=sys.stderr)
        status = 2
    return status


if __name__ == "__main__":
    sys.exit(main())
