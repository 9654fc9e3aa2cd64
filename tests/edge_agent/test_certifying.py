"""A camera is given a certificate of the organisation's authority: through the real portal, against a camera whose TLS follows."""

from __future__ import annotations

import datetime as dt
import hashlib
import ssl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.db import connections

from edge_agent.identity import Identity
from edge_agent.onvif import certifying, keystore
from tenants.scope import tenant_scope
from tests.cast import Cast
from tests.edge_agent.hub import a_moment
from tests.edge_agent.test_against_portal import Running, box, in_portal, run, served
from vsaas.agents.models import Agent
from vsaas.audit.services import system
from vsaas.cameras import certificates
from vsaas.cameras.certificates import begin, certificate_state
from vsaas.cameras.models import Camera, CameraCertificate, CertificateState
from vsaas.cameras.passwords import set_way
from vsaas.cameras.services import CameraChange, NewCamera, camera_add, camera_update
from vsaas.onebox.demo_camera.certificate import ensure_certificate, server_context
from vsaas.onebox.demo_camera.keystore import Keystore
from vsaas.onebox.demo_camera.onvif import OnvifCamera, onvif_camera

__all__ = ["box", "served"]

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certifying, "SHOWN_S", 1.0)
    monkeypatch.setattr(certifying, "_LOOK_AGAIN_S", 0.2)


@contextmanager
def camera_of_its_own(folder: Path, **changes: bool) -> Iterator[OnvifCamera]:
    """One that answers in TLS with a certificate it made itself."""
    ensure_certificate(folder / "own.pem")
    device = OnvifCamera(keystore=Keystore(**changes))  # type: ignore[arg-type]
    with onvif_camera(device, tls=server_context(folder / "own.pem")) as device:
        yield device


def shown_by(device: OnvifCamera) -> x509.Certificate:
    pem = ssl.get_server_certificate((device.host, device.port))
    return x509.load_pem_x509_certificate(pem.encode())


def add(cast: Cast, box: Identity, device: OnvifCamera) -> uuid.UUID:
    """The camera, with the certificate it shows accepted by a person."""
    with tenant_scope(cast.tenant_a.id):
        agent = Agent.objects.get(id=box.agent)
        source = f"rtsps://operator:correct%20horse@127.0.0.1:{device.port}/main"
        camera = camera_add(agent, NewCamera("Door", source, audio=False), system("tests"))
        set_way(camera, system("tests"), service=device.url, way="onvif")
        accepted = shown_by(device).fingerprint(hashes.SHA256()).hex()
        camera_update(camera, CameraChange(certificate=accepted), system("tests"))
        return camera.id


class Asked:
    """The portal's side of one camera."""

    def __init__(self, cast: Cast, camera: uuid.UUID) -> None:
        self.tenant, self.camera = cast.tenant_a.id, camera

    def begin(self) -> None:
        with tenant_scope(self.tenant):
            begin(Camera.objects.get(id=self.camera), system("tests"))

    def row(self) -> CameraCertificate:
        with tenant_scope(self.tenant):
            return CameraCertificate.objects.select_related("camera").get(camera_id=self.camera)

    async def ended(self) -> CameraCertificate:
        while True:
            row = await in_portal(self.row)
            if row.state not in CertificateState.under_way():
                return row
            await a_moment()


def test_a_camera_gets_a_certificate_that_is_accepted_and_renewed(
    cast: Cast, box: Identity, tmp_path: Path
) -> None:
    with camera_of_its_own(tmp_path) as device:
        asked = Asked(cast, add(cast, box, device))
        connections.close_all()

        async def look(running: Running) -> None:
            await in_portal(asked.begin)
            first = await asked.ended()
            assert (first.state, first.cause) == (CertificateState.HELD, "")
            shown = shown_by(device)
            assert first.camera.certificate is not None
            assert bytes(first.camera.certificate) == shown.fingerprint(hashes.SHA256())
            names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
            lasts = shown.not_valid_after_utc - shown.not_valid_before_utc
            assert lasts <= dt.timedelta(days=398, seconds=1)
            assert device.keystore is not None
            assert device.keystore.https
            for _renewed in range(keystore.KEY_BITS // 512):
                # As often as it would run out of room, were the former ones kept.
                before = shown_by(device).fingerprint(hashes.SHA256())
                await in_portal(asked.begin)
                assert (await asked.ended()).state == CertificateState.HELD
                assert shown_by(device).fingerprint(hashes.SHA256()) != before
            assert (len(device.keystore.keys), len(device.keystore.paths)) == (1, 1)

        run(box, look)


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [({"keeps_showing": True}, "other-certificate"), ({"refuses_upload": True}, "refused-setting")],
)
def test_a_camera_that_takes_none_keeps_its_own_and_says_why(
    cast: Cast, box: Identity, tmp_path: Path, wrong: dict[str, bool], cause: str
) -> None:
    with camera_of_its_own(tmp_path, **wrong) as device:
        asked = Asked(cast, add(cast, box, device))
        own = shown_by(device).fingerprint(hashes.SHA256())
        connections.close_all()

        async def look(running: Running) -> None:
            await in_portal(asked.begin)
            row = await asked.ended()
            assert (row.state, row.cause) == (CertificateState.FAILED, cause)
            assert row.camera.certificate is not None
            assert bytes(row.camera.certificate) == own == shown_by(device).fingerprint(hashes.SHA256())

        run(box, look)


def test_a_camera_without_the_service_says_so(cast: Cast, box: Identity, tmp_path: Path) -> None:
    ensure_certificate(tmp_path / "own.pem")
    with onvif_camera(tls=server_context(tmp_path / "own.pem")) as device:
        asked = Asked(cast, add(cast, box, device))
        connections.close_all()

        async def look(running: Running) -> None:
            await in_portal(asked.begin)
            row = await asked.ended()
            assert (row.state, row.cause) == (CertificateState.FAILED, "unsupported")

        run(box, look)


def test_what_was_broken_off_is_settled_by_what_the_camera_shows(
    cast: Cast, box: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with camera_of_its_own(tmp_path) as device:
        asked = Asked(cast, add(cast, box, device))
        connections.close_all()

        async def look(running: Running) -> None:
            ends: list[bytes] = []
            whole = running.cloud.post_cbor

            async def silent(path: str, body: bytes) -> bytes:
                """The word of the end is lost, as when the box loses its power just then."""
                if path.endswith("/certificates") and body[1] == 2:
                    ends.append(body)
                    return b"\x81\x01"
                return await whole(path, body)

            monkeypatch.setattr(running.cloud, "post_cbor", silent)
            await in_portal(asked.begin)
            while not ends:
                await a_moment()
            assert (await in_portal(asked.row)).state == CertificateState.ISSUED

        run(box, look)
        shown = shown_by(device).fingerprint(hashes.SHA256()).hex()
    with tenant_scope(cast.tenant_a.id):
        seen = {"camera": str(asked.camera), "stream": 1, "certificate": shown}
        agent = Agent.objects.select_related("health").get(id=box.agent)
        agent.health.streams = [seen]
        agent.health.save(update_fields=["streams"])
        certificates.look_after()
        row = asked.row()
        told = certificate_state(row.camera)
    assert row.state == CertificateState.HELD
    assert told is not None
    assert told["in_use"]
    assert row.held is not None
    assert hashlib.sha256(bytes(row.held)).hexdigest() == shown
