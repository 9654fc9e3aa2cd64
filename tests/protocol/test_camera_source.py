"""Camera sources: only the agent they are sealed to opens them, and no error quotes them."""

from __future__ import annotations

import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol.camera_source import check_url, open_source, seal_source
from protocol.errors import ProtocolError
from sealing.errors import WrongEnvelope
from sealing.ids import Stream

TENANT, CAMERA = uuid.uuid4(), uuid.uuid4()
URL = "rtsp://user:pa%40ss@10.0.0.7:554/Streaming/Channels/101?x=1"
BOX = X25519PrivateKey.generate()
PRIVATE, PUBLIC = BOX.private_bytes_raw(), BOX.public_key().public_bytes_raw()


def test_the_agent_opens_what_was_sealed_to_it() -> None:
    sealed = seal_source(TENANT, CAMERA, Stream.MAIN, URL, PUBLIC)
    assert b"pa%40ss" not in sealed
    assert open_source(TENANT, CAMERA, Stream.MAIN, sealed, PRIVATE, PUBLIC) == URL


def test_a_source_opens_for_no_other_camera_stream_tenant_or_agent() -> None:
    sealed = seal_source(TENANT, CAMERA, Stream.MAIN, URL, PUBLIC)
    other = X25519PrivateKey.generate()
    for tenant, camera, stream, box in (
        (uuid.uuid4(), CAMERA, Stream.MAIN, BOX),
        (TENANT, uuid.uuid4(), Stream.MAIN, BOX),
        (TENANT, CAMERA, Stream.SUB, BOX),
        (TENANT, CAMERA, Stream.MAIN, other),
    ):
        with pytest.raises(WrongEnvelope):
            open_source(
                tenant, camera, stream, sealed, box.private_bytes_raw(), box.public_key().public_bytes_raw()
            )


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://host",
        "rtsps://user:pw@host/x",
        "rtsp://[fd00::7]:8554/a/b?c=d&e",
        "rtsp://u@camera.lan:65535/",
    ],
)
def test_a_sound_address_passes(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "1 to 2000 bytes"),
        ("rtsp://user:secret@h/" + "x" * 2000, "1 to 2000 bytes"),
        ("http://user:secret@host/x", "rtsp://"),
        ("secret", "rtsp://"),
        ("rtsp://user:secret@/x", "no host"),
        ("rtsp://user:secret@host:99999/x", "port"),
        ("rtsp://user:secret@host:0/x", "port"),
        ("rtsp://user:secret@host:abc/x", "port"),
        ("rtsp://user:sec ret@host/x", "space"),
        ("rtsp://user:secret@host/x\n", "%XX"),
        ("rtsp://user:sécret@host/x", "%XX"),
        ("rtsp://user:secret@[fd00/x", "cannot be read"),
        ("rtsp://user:secret#1@host/x", "#"),
    ],
)
def test_an_address_that_cannot_be_says_why_without_quoting_it(url: str, why: str) -> None:
    with pytest.raises(ProtocolError, match="bad-source") as caught:
        check_url(url)
    assert why in caught.value.detail
    assert "secret" not in str(caught.value)
