"""A certificate authority of this checkout alone: it signs the certificate of portal, hub and object store.

Whoever installs it trusts it for names of local networks only (name constraints, RFC 5280 section 4.2.1.10): a stolen key
cannot pretend to be a site of the internet. The key never leaves `var/secrets/ca` but in a backup.
"""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vsaas.onebox.errors import OneboxError
from vsaas.onebox.passwords import write_private_text
from vsaas.onebox.places import private_dir

CA_DAYS = 3650
SERVER_DAYS = 397  # more than 398 some browsers refuse
RENEW_DAYS = 60
BACKDATED = dt.timedelta(hours=1)  # phones' clocks differ
LOCAL_NAMES = ("localhost", "local", "lan", "home.arpa", "internal")
LOCAL_NETWORKS = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7", "fe80::/10",
)  # fmt: skip
ALWAYS = ("localhost", "127.0.0.1", "::1")


class Authority:
    """The files in `folder` (0700, keys 0600): ca.crt, ca.key, server.crt, server.key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate_file = folder / "ca.crt"
        self.server_certificate = folder / "server.crt"
        self.server_key = folder / "server.key"
        self._key_file = folder / "ca.key"

    def prepare(self, host: str, now: dt.datetime) -> list[str]:
        """Makes what is missing or ends soon, for a server called `host`; returns what was made: "authority",
        "certificate". A new authority must be installed on every device again."""
        private_dir(self.folder)
        made = []
        if not self._authority_fits(host, now):
            self._make_authority(host, now)
            made.append("authority")
        if made or not self._certificate_fits(host, now):
            self._make_certificate(host, now)
            made.append("certificate")
        return made

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the authority's certificate as devices show it: AB:CD:…"""
        return self._load(self.certificate_file).fingerprint(hashes.SHA256()).hex(":").upper()

    def client_context(self) -> ssl.SSLContext:
        """For our own requests: trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.certificate_file))

    def _authority_fits(self, host: str, now: dt.datetime) -> bool:
        if not (self.certificate_file.exists() and self._key_file.exists()):
            return False
        certificate = self._load(self.certificate_file)
        if certificate.not_valid_after_utc - now < dt.timedelta(days=SERVER_DAYS):
            return False
        permitted = certificate.extensions.get_extension_for_class(
            x509.NameConstraints
        ).value.permitted_subtrees
        return covered(host, permitted or [])

    def _certificate_fits(self, host: str, now: dt.datetime) -> bool:
        if not (self.server_certificate.exists() and self.server_key.exists()):
            return False
        certificate = self._load(self.server_certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        lasts = certificate.not_valid_after_utc - now > dt.timedelta(days=RENEW_DAYS)
        return lasts and general_name(host) in list(names)

    def _make_authority(self, host: str, now: dt.datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Video management, this network only"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Video management {host} {now:%Y-%m-%d}"[:64]),
            ]
        )
        permitted = [x509.DNSName(local) for local in LOCAL_NAMES]
        permitted += [x509.IPAddress(ipaddress.ip_network(network)) for network in LOCAL_NETWORKS]
        if not covered(host, permitted):
            permitted.append(constraint(host))
        usage = x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        certificate = (
            _begun(name, name, key.public_key(), now, CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.NameConstraints(permitted, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(self._key_file, self.certificate_file, key, certificate)

    def _make_certificate(self, host: str, now: dt.datetime) -> None:
        authority = self._load(self.certificate_file)
        signer = serialization.load_pem_private_key(self._key_file.read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey), "we made it"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
        names = list(dict.fromkeys(general_name(each) for each in (host, *ALWAYS)))
        identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            _begun(name, authority.subject, key.public_key(), now, SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
            )
            .sign(signer, hashes.SHA256())
        )
        _write(self.server_key, self.server_certificate, key, certificate)

    def _load(self, file: Path) -> x509.Certificate:
        try:
            return x509.load_pem_x509_certificate(file.read_bytes())
        except ValueError:
            raise OneboxError(
                f"the certificate {file} is damaged: move {self.folder} away and start again; devices then have to "
                "install the new authority"
            ) from None


def _begun(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: dt.datetime, days: int
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - BACKDATED)
    return builder.not_valid_after(now + dt.timedelta(days=days))


def _write(
    key_file: Path, certificate_file: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> None:
    pem = serialization.Encoding.PEM
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    write_private_text(key_file, text)
    write_private_text(certificate_file, certificate.public_bytes(pem).decode())


def general_name(host: str) -> x509.GeneralName:
    """A host as certificates name it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def constraint(host: str) -> x509.GeneralName:
    """This host and no other, as name constraints have it."""
    try:
        return x509.IPAddress(ipaddress.ip_network(host))
    except ValueError:
        return x509.DNSName(host)


def covered(host: str, permitted: list[x509.GeneralName]) -> bool:
    """Whether name constraints permit a host."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        names = [item.value for item in permitted if isinstance(item, x509.DNSName)]
        return any(host == name or host.endswith(f".{name}") for name in names)
    networks = [item.value for item in permitted if isinstance(item, x509.IPAddress)]
    return any(address.version == network.version and address in network for network in networks)
