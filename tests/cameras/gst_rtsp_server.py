"""An RTSP camera made of GStreamer's RTSP server, which plays prepared access units in a loop.

It runs under the system's Python, which has GObject; the tests start it through gst_camera.py. Arguments:
user name, codec (h264 or h265), frames per second, then `path=file` for each stream. The password stands in
the environment (GST_CAMERA_PASSWORD). Prints `port N` once it listens, and ends when its input is closed.
With the one argument `check` it only says what is missing.
"""

import os
import struct
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

ROLE = "viewer"


def read_units(path: str) -> list[bytes]:
    """Read access units, each after its length in 4 bytes, big-endian."""
    with open(path, "rb") as file:
        data = file.read()
    units, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("!I", data, at)
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return units


class Footage:
    """Feeds one stream's access units into its pipeline at their pace, from the start and round again."""

    def __init__(self, path: str, codec: str, frames_per_second: int) -> None:
        self.units = read_units(path)
        self.interval_ms = 1000 // frames_per_second
        self.codec = codec

    def factory(self) -> GstRtspServer.RTSPMediaFactory:
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(
            f"( appsrc name=source is-live=true do-timestamp=true format=time "
            f"caps=video/x-{self.codec},stream-format=byte-stream,alignment=au "
            f"! {self.codec}parse ! rtp{self.codec}pay name=pay0 pt=96 config-interval=-1 )"
        )
        factory.set_shared(True)
        factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
        permissions = GstRtspServer.RTSPPermissions()
        for permission in ("media.factory.access", "media.factory.construct"):
            permissions.add_permission_for_role(ROLE, permission, True)
        factory.set_permissions(permissions)
        factory.connect("media-configure", self.begin)
        return factory

    def begin(self, _factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
        source = media.get_element().get_by_name("source")
        position = 0

        def push() -> bool:
            nonlocal position
            unit = self.units[position % len(self.units)]
            position += 1
            flow = source.emit("push-buffer", Gst.Buffer.new_wrapped(unit))
            return flow in (Gst.FlowReturn.OK, Gst.FlowReturn.EOS)

        push()
        timer = GLib.timeout_add(self.interval_ms, push)
        media.connect("unprepared", lambda _media: GLib.source_remove(timer))


def check() -> None:
    """Exit with a sentence where an element of GStreamer is not installed."""
    Gst.init(None)
    needed = ("appsrc", "h264parse", "h265parse", "rtph264pay", "rtph265pay")
    missing = [name for name in needed if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.exit(f"GStreamer has no {', '.join(missing)}")


def main() -> None:
    user, codec, frames_per_second, *streams = sys.argv[1:]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", ROLE)
    auth.add_digest(user, os.environ["GST_CAMERA_PASSWORD"], token)
    server.set_auth(auth)
    for stream in streams:
        path, _, file = stream.partition("=")
        server.get_mount_points().add_factory(
            f"/{path}", Footage(file, codec, int(frames_per_second)).factory()
        )
    if server.attach(None) == 0:
        sys.exit("cannot listen on a loopback port")
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    print(f"port {server.get_bound_port()}", flush=True)
    loop.run()


if __name__ == "__main__":
    if sys.argv[1:] == ["check"]:
        check()
    else:
        main()
