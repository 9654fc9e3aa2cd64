"""The certificate of a camera: shown as its agent says, accepted by a person, told to the agent."""

from __future__ import annotations

from tenants.scope import tenant_scope
from tests.cameras.place import Place, call
from vsaas.audit.models import AuditInbox

SHOWN, OTHER = "ab" * 32, "cd" * 32


def shows(place: Place, certificate: str, state: str = "recording") -> None:
    """A heartbeat in which the camera shows this certificate."""
    stream = {
        "camera": str(place.camera.id),
        "stream": 1,
        "state": state,
        "since_us": 1_700_000_000_000_000,
        "detail": "",
        "bits_per_s": 0,
        "frames_per_s": 0,
        "codec": "",
        "certificate": certificate,
    }
    assert place.box.beat(streams=[stream]).status_code in (200, 204)


def test_a_person_accepts_what_the_camera_shows_and_the_agent_is_told(place: Place) -> None:
    call(place.alice, place, "PATCH", f"cameras/{place.camera.id}", {"main_url": "rtsps://10.0.0.7/main"})
    assert "Accept this certificate" not in place.alice.get(place.settings()).content.decode()
    shows(place, SHOWN)
    page = place.alice.get(place.settings()).content.decode()
    assert "Accept this certificate" in page
    assert "AB:AB:AB" in page
    assert "Nobody accepted its certificate yet" in page
    assert place.orders()["Door"].certificate is None
    address = place.url(f"cameras/{place.camera.id}/certificate")
    done = place.alice.post(address, {"certificate": SHOWN}, follow=True).content.decode()
    assert "The certificate was accepted." in done
    assert "Encrypted, certificate accepted" in done
    assert place.orders()["Door"].certificate == bytes.fromhex(SHOWN)
    row = call(place.alice, place, "GET", f"cameras/{place.camera.id}").json()
    assert row["certificate"] == {"accepted": SHOWN, "shown": SHOWN}
    assert row["protection"]["link"] == "pinned"
    with tenant_scope(place.cast.tenant_a.id):
        entry = AuditInbox.objects.filter(act="camera.changed").order_by("at").last()
    assert entry is not None
    assert SHOWN in entry.details["after"]


def test_another_certificate_is_an_alarm_until_somebody_accepts_or_forgets(place: Place) -> None:
    address = place.url(f"cameras/{place.camera.id}/certificate")
    place.alice.post(address, {"certificate": SHOWN})
    shows(place, OTHER, "wrong-certificate")
    page = place.alice.get(place.settings()).content.decode()
    assert "Shows another certificate" in page
    assert "so nothing is recorded from it" in page
    row = call(place.alice, place, "GET", f"cameras/{place.camera.id}").json()
    assert (row["state"], row["reason"]) == ("offline", "wrong-certificate")
    assert row["certificate"] == {"accepted": SHOWN, "shown": OTHER}
    forgotten = place.alice.post(address, {"certificate": ""}, follow=True).content.decode()
    assert "is forgotten" in forgotten
    assert place.orders()["Door"].certificate is None


def test_what_is_no_fingerprint_is_refused_and_nothing_changes(place: Place) -> None:
    for wrong in ("ab", "zz" * 32, SHOWN.upper(), "ab:" * 21 + "a"):
        reply = call(place.alice, place, "PATCH", f"cameras/{place.camera.id}", {"certificate": wrong})
        assert reply.status_code == 422, wrong
        assert "certificate" in reply.content.decode()
    assert place.now().certificate is None
