"""How a camera's pictures are protected on each stretch from the lens to the screen, in words that are true."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Q
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from vsaas.cameras.certificates import running_out
from vsaas.cameras.models import Camera, CameraSource
from vsaas.installation.finding import Finding, good, weak

PLAIN, ENCRYPTED, PINNED, UNKNOWN = "plain", "encrypted", "pinned", "unknown"
THIS_MACHINE = "this-machine"
SEALED, SIGNED = "sealed", "signed"


@dataclass(frozen=True)
class Stretch:
    """One stretch: its name, a tone and an icon, a word, and why it is so."""

    label: str | Promise
    tone: str
    icon: str
    word: str | Promise
    why: str | Promise


LABELS = {
    "link": _("Camera link"),
    "storage": _("Recordings"),
    "signature": _("Origin"),
    "transport": _("Connections"),
}
WORDS: dict[tuple[str, str], tuple[str, str, str | Promise, str | Promise]] = {
    ("link", PLAIN): (
        "warn",
        "warn",
        _("Camera link not encrypted"),
        _(
            "The agent fetches the pictures by rtsp://, so whoever listens in the camera's network can see them. Use rtsps:// "
            "where the camera offers it, or keep cameras in a network of their own."
        ),
    ),
    ("link", ENCRYPTED): (
        "ok",
        "ok",
        _("Encrypted"),
        _("The agent fetches the pictures by rtsps://. Nobody accepted its certificate yet, so a box in between could pose as the camera."),
    ),
    ("link", PINNED): (
        "ok",
        "ok",
        _("Encrypted, certificate accepted"),
        _("The agent fetches the pictures by rtsps://, and only from a camera that shows the certificate a person accepted."),
    ),
    ("link", UNKNOWN): (
        "info",
        "info",
        _("Not known"),
        _("The address was set before this was noted, and it cannot be read again. Type it anew to have it said here."),
    ),
    ("storage", SEALED): (
        "ok",
        "ok",
        _("Sealed"),
        _("The agent encrypts every piece (Cobblestone-256) before it leaves the box; the store holds no picture that opens by itself."),
    ),
    ("signature", SIGNED): (
        "ok",
        "ok",
        _("Signed"),
        _("The agent signs a record of every piece and chains it to the one before; your browser checks that before it shows a picture."),
    ),
    ("transport", ENCRYPTED): (
        "ok",
        "ok",
        _("Encrypted"),
        _("Agent and browsers reach portal, live view and store by TLS alone."),
    ),
    ("transport", THIS_MACHINE): (
        "warn",
        "warn",
        _("Not encrypted, this machine alone"),
        _("Portal, live view and store answer without TLS, on the addresses of this machine itself. Recordings stay sealed."),
    ),
}  # fmt: skip


def protection_of(camera: Camera) -> dict[str, str]:
    """The state of each stretch, as the API tells it. Reads `camera.sources`."""
    return {
        "link": link_of(
            [source.scheme for source in camera.sources.all()], accepted=camera.certificate is not None
        ),
        "storage": SEALED,
        "signature": SIGNED,
        "transport": transport(),
    }


def link_of(schemes: list[str], *, accepted: bool) -> str:
    """The least protected of a camera's streams; a camera without any, as a deleted one, is not known. `accepted`: a person
    accepted its certificate."""
    if "rtsp" in schemes:
        return PLAIN
    if not schemes or any(scheme != "rtsps" for scheme in schemes):
        return UNKNOWN
    return PINNED if accepted else ENCRYPTED


def transport() -> str:
    """Over what agents and browsers reach this portal, its hub and its store."""
    env = settings.ENV
    encrypted = (env.public_url, env.live_url, env.s3_public_endpoint)
    return ENCRYPTED if all(url.startswith(("https://", "wss://")) for url in encrypted) else THIS_MACHINE


def shown(states: dict[str, str]) -> list[Stretch]:
    """The same in words, from the lens to the screen."""
    return [Stretch(LABELS[name], *WORDS[name, state]) for name, state in states.items()]


def link_findings() -> list[Finding]:
    """Of the current tenant, for the installation's grade."""
    name, label = "camera-links", _("Camera links")
    cameras = Camera.objects.filter(deleted_at=None)
    found = CameraSource.objects.filter(camera__in=cameras).aggregate(
        plain=Count("camera", filter=Q(scheme="rtsp"), distinct=True),
        unknown=Count("camera", filter=Q(scheme=""), distinct=True),
    )
    if found["plain"]:
        text = ngettext(
            "%(count)s camera is fetched without encryption (rtsp://)",
            "%(count)s cameras are fetched without encryption (rtsp://)",
            found["plain"],
        ) % {"count": found["plain"]}
        remedy = gettext(
            "Use rtsps:// where the camera offers it, or keep cameras in a network of their own."
        )
        return [weak(name, label, text, remedy, to_owners=True)]
    if found["unknown"]:
        text = ngettext(
            "of %(count)s camera it is not known", "of %(count)s cameras it is not known", found["unknown"]
        ) % {"count": found["unknown"]}
        return [weak(name, label, text, gettext("Type the address of the camera anew."), to_owners=True)]
    return (
        [good(name, label, gettext("all encrypted (rtsps://)"), to_owners=True)] if cameras.exists() else []
    )


def certificate_findings() -> list[Finding]:
    """Of the current tenant: issued certificates that run out because their renewal does not work."""
    rows = running_out(Camera.objects.filter(deleted_at=None))
    if not rows:
        return []
    text = ngettext(
        "the certificate of %(count)s camera runs out and could not be renewed: %(names)s",
        "the certificates of %(count)s cameras run out and could not be renewed: %(names)s",
        len(rows),
    ) % {"count": len(rows), "names": ", ".join(row.camera.name for row in rows[:5])}
    remedy = gettext("Look at the settings of the camera, under Certificate: they say why.")
    return [weak("camera-certificates", _("Certificates of cameras"), text, remedy, to_owners=True)]
