"""The page that offers the certificate of an authority of one's own, and explains how devices come to trust it.

Where the portal's certificate is signed by a public authority, `VSAAS_CA_FILE` is not set and there is no such page.
"""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from tenants.declare import public
from vsaas.common.errors import NotFound, Unavailable

FILE_NAME = "video-management-ca.crt"


def own_authority() -> x509.Certificate:
    """The authority's certificate. Raises NotFound where there is none, Unavailable where its file cannot be read."""
    named = settings.ENV.ca_file
    if named is None:
        raise NotFound(_("this system's certificate is not of an authority of its own"))
    try:
        return x509.load_pem_x509_certificate(Path(named).read_bytes())
    except (OSError, ValueError) as error:
        raise Unavailable(
            _("the authority's certificate cannot be read: ask whoever runs this system")
        ) from error


@public("a device that does not trust the system yet cannot sign in to it; a certificate is no secret")
def ca(request: HttpRequest) -> HttpResponse:
    """GET /ca: fingerprint, download, and the steps on each kind of device."""
    certificate = own_authority()
    context = {
        "pairs": certificate.fingerprint(SHA256()).hex(":").upper().split(":"),
        "until": certificate.not_valid_after_utc,
        "file_name": FILE_NAME,
    }
    return TemplateResponse(request, "ca.html", context)


@public("the certificate of the page above")
def ca_certificate(request: HttpRequest) -> HttpResponse:
    """GET /ca.crt: the certificate in PEM, which phones, computers and SSL_CERT_FILE all take."""
    reply = HttpResponse(
        own_authority().public_bytes(Encoding.PEM), content_type="application/x-x509-ca-cert"
    )
    reply["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return reply
