"""A small RTSP camera of our own: a moving test card with the wall clock burnt in, and faults on demand."""

from vsaas.onebox.demo_camera.barcode import BarcodeUnreadable
from vsaas.onebox.demo_camera.camera import DemoCamera, demo_camera_thread
from vsaas.onebox.demo_camera.config import MAIN, SUB, DemoCameraConfig, VideoSettings
from vsaas.onebox.demo_camera.faults import Faults

__all__ = [
    "MAIN",
    "SUB",
    "BarcodeUnreadable",
    "DemoCamera",
    "DemoCameraConfig",
    "Faults",
    "VideoSettings",
    "demo_camera_thread",
]
