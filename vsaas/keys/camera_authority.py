"""The organisation's authority for its cameras: an X.509 certificate authority (RFC 5280) that vouches for cameras towards its
own agents and whoever installs its certificate. It signs nothing of footage, so it stays with the portal where the customer
holds the keys. ECDSA P-256, for few cameras take Ed25519.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_noop

from tenants.models import Tenant
from vsaas.audit.services import record_act, system, what
from vsaas.common import clock
from vsaas.keys.acts import AUTHORITY_MADE
from vsaas.keys.kms import WrapContext, kms
from vsaas.keys.models import CameraAuthority

PURPOSE: Final = "camera-authority"
AUTHORITY_DAYS: Final = 3652
CERTIFICATE_DAYS: Final = 397
"""The longest that browsers take of any server."""
EARLIER: Final = dt.timedelta(days=1)
"""Cameras whose clock is behind take it all the same."""
_NAME_MAX: Final = 64
_RSA_BITS_LEAST: Final = 2048


class RequestRefused(Exception):
    """A request for a certificate is not signed; the text says why."""


@dataclass(frozen=True)
class IssuedCertificate:
    """DER of a certificate and of the authority that signed it."""

    certificate: bytes
    authority: bytes
    not_after: dt.datetime

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 (32 bytes)."""
        return hashlib.sha256(self.certificate).digest()


def issue_camera_certificate(tenant: Tenant, camera: UUID, host: str, request: bytes) -> IssuedCertificate:
    """Signs a camera's request (PKCS #10, DER) for `host`, an address or a name. Raises RequestRefused, KmsError."""
    try:
        asked = x509.load_der_x509_csr(request)
        public = asked.public_key()
        holds = asked.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise RequestRefused("the request for a certificate cannot be read") from error
    if not holds:
        raise RequestRefused("the request is not signed by the key it is for")
    if not _is_strong(public):
        raise RequestRefused("the camera's key is of another kind than RSA of 2048 bits or ECDSA, or shorter")
    row = _authority(tenant)
    issuer = x509.load_der_x509_certificate(bytes(row.certificate))
    now = clock.now()
    until = min(now + dt.timedelta(days=CERTIFICATE_DAYS), issuer.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(camera))]))
        .issuer_name(issuer.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_named(host)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
        .add_extension(_usage(signs=False), critical=True)
    )
    signed = builder.sign(_private(row), hashes.SHA256())
    der = signed.public_bytes(serialization.Encoding.DER)
    return IssuedCertificate(der, bytes(row.certificate), signed.not_valid_after_utc)


def authority_certificate() -> bytes | None:
    """The authority's certificate (DER); None while no camera needed it."""
    row = CameraAuthority.objects.order_by("-created_at").first()
    return None if row is None else bytes(row.certificate)


def _is_strong(public: object) -> bool:
    if isinstance(public, rsa.RSAPublicKey):
        return public.key_size >= _RSA_BITS_LEAST
    return isinstance(public, ec.EllipticCurvePublicKey) and public.curve.key_size >= 256


def _authority(tenant: Tenant) -> CameraAuthority:
    """The one in force: made when it is needed first, and anew when it would run out before what it signs."""
    needed_until = clock.now() + dt.timedelta(days=CERTIFICATE_DAYS)
    row = CameraAuthority.objects.order_by("-created_at").first()
    if row is None or row.not_after < needed_until:
        row = _make(tenant, 1 if row is None else row.epoch + 1)
    return row


def _make(tenant: Tenant, epoch: int) -> CameraAuthority:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key()
    key_id = hashlib.sha256(
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).digest()[:16]
    now = clock.now()
    until = now + dt.timedelta(days=AUTHORITY_DAYS)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, tenant.name[:_NAME_MAX] or str(tenant.id)),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Cameras {tenant.slug} {epoch}"[:_NAME_MAX]),
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(private, hashes.SHA256())
    )
    raw = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        with transaction.atomic():
            row = CameraAuthority.objects.create(
                epoch=epoch,
                key_id=key_id,
                certificate=certificate.public_bytes(serialization.Encoding.DER),
                wrapped_private=kms().wrap(raw, WrapContext(PURPOSE, tenant.id, key_id)),
                created_at=now,
                not_after=until,
            )
    except IntegrityError:
        # Another process made it just now.
        return CameraAuthority.objects.get(epoch=epoch)
    shown = certificate.fingerprint(hashes.SHA256()).hex()
    record_act(AUTHORITY_MADE, system(gettext_noop("key maker")), what(tenant), fingerprint=shown)
    return row


def _private(row: CameraAuthority) -> ec.EllipticCurvePrivateKey:
    raw = kms().unwrap(bytes(row.wrapped_private), WrapContext(PURPOSE, row.tenant_id, bytes(row.key_id)))
    private = serialization.load_der_private_key(raw, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey), "it was made here"
    return private


def _named(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.rstrip("."))


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )
