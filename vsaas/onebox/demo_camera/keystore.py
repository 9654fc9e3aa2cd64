"""What the demo camera keeps of keys and certificates, as ONVIF's Advanced Security Service has it (keystore, TLS server)."""

from __future__ import annotations

import base64
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from xml.etree.ElementTree import Element as Element  # the type; what parses is defusedxml

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

KEYS_MAX = 4
"""As few as small cameras keep."""


class Wrong(Exception):
    """A fault of the service: its subcode."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Shows(Protocol):
    """What shows a certificate."""

    tls: ssl.SSLContext | None


def _text(element: Element, name: str) -> str:
    found = next((item for item in element.iter() if item.tag.rpartition("}")[2] == name), None)
    return "" if found is None else (found.text or "")


@dataclass
class Keystore:
    """`server`: whose TLS follows what is assigned. `keeps_showing`: it takes an assignment, and shows what it showed before."""

    server: Shows | None = None
    port: int = 0
    https: bool = False
    keeps_showing: bool = False
    refuses_upload: bool = False
    generating: int = 1
    """How often a key is said to be made still."""
    keys: dict[str, rsa.RSAPrivateKey] = field(default_factory=dict)
    certificates: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    paths: dict[str, list[str]] = field(default_factory=dict)
    assigned: list[str] = field(default_factory=list)
    _count: int = 0

    def answers(self) -> dict[str, Callable[[Any, Element], str]]:
        """By action, what answers it; the camera comes first."""
        methods = {
            "CreateRSAKeyPair": self._make,
            "GetKeyStatus": self._status,
            "DeleteKey": self._delete_key,
            "CreatePKCS10CSR": self._request,
            "UploadCertificate": self._upload,
            "GetCertificate": self._certificate,
            "DeleteCertificate": self._delete_certificate,
            "CreateCertificationPath": self._path,
            "GetCertificationPath": self._path_of,
            "DeleteCertificationPath": self._delete_path,
            "GetAssignedServerCertificates": self._assigned,
            "AddServerCertificateAssignment": self._add,
            "ReplaceServerCertificateAssignment": self._replace,
        }
        return {name: lambda _camera, asked, act=act: act(asked) for name, act in methods.items()}

    def _id(self, what: str) -> str:
        self._count += 1
        return f"{what}_{self._count}"

    def _make(self, asked: Element) -> str:
        if len(self.keys) >= KEYS_MAX:
            raise Wrong("ter:MaximumNumberOfKeysReached", "it keeps no more keys")
        key = self._id("key")
        bits = int(_text(asked, "KeyLength"))
        self.keys[key] = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        return f"<r:KeyID>{key}</r:KeyID><r:EstimatedCreationTime>PT1S</r:EstimatedCreationTime>"

    def _key(self, asked: Element) -> rsa.RSAPrivateKey:
        key = self.keys.get(_text(asked, "KeyID"))
        if key is None:
            raise Wrong("ter:KeyID", "no such key")
        return key

    def _status(self, asked: Element) -> str:
        self._key(asked)
        if self.generating:
            self.generating -= 1
            return "<r:KeyStatus>generating</r:KeyStatus>"
        return "<r:KeyStatus>ok</r:KeyStatus>"

    def _delete_key(self, asked: Element) -> str:
        self._key(asked)
        if _text(asked, "KeyID") in [key for key, _der in self.certificates.values()]:
            raise Wrong("ter:ReferenceExists", "a certificate needs it")
        del self.keys[_text(asked, "KeyID")]
        return ""

    def _request(self, asked: Element) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _text(asked, "CommonName"))])
        made = (
            x509.CertificateSigningRequestBuilder().subject_name(name).sign(self._key(asked), hashes.SHA256())
        )
        der = made.public_bytes(serialization.Encoding.DER)
        return f"<r:PKCS10CSR>{base64.b64encode(der).decode()}</r:PKCS10CSR>"

    def _upload(self, asked: Element) -> str:
        if self.refuses_upload:
            raise Wrong("ter:BadCertificate", "it cannot be read")
        der = base64.b64decode(_text(asked, "Certificate"))
        public = x509.load_der_x509_certificate(der).public_key()
        own = [key for key, private in self.keys.items() if private.public_key() == public]
        if not own:
            raise Wrong("ter:NoMatchingPrivateKey", "there is no key for it")
        one = self._id("certificate")
        self.certificates[one] = own[0], der
        return f"<r:CertificateID>{one}</r:CertificateID><r:KeyID>{own[0]}</r:KeyID>"

    def _certificate(self, asked: Element) -> str:
        one = _text(asked, "CertificateID")
        if one not in self.certificates:
            raise Wrong("ter:CertificateID", "no such certificate")
        key, der = self.certificates[one]
        inside = f"<r:CertificateID>{one}</r:CertificateID><r:KeyID>{key}</r:KeyID>"
        return f"<r:Certificate>{inside}<r:CertificateContent>{base64.b64encode(der).decode()}</r:CertificateContent></r:Certificate>"

    def _delete_certificate(self, asked: Element) -> str:
        one = _text(asked, "CertificateID")
        if one not in self.certificates or any(one in path for path in self.paths.values()):
            raise Wrong("ter:ReferenceExists", "a path needs it")
        del self.certificates[one]
        return ""

    def _path(self, asked: Element) -> str:
        one = _text(asked, "CertificateID")
        if one not in self.certificates:
            raise Wrong("ter:CertificateID", "no such certificate")
        path = self._id("path")
        self.paths[path] = [one]
        return f"<r:CertificationPathID>{path}</r:CertificationPathID>"

    def _known_path(self, asked: Element, name: str = "CertificationPathID") -> str:
        path = _text(asked, name)
        if path not in self.paths:
            raise Wrong("ter:CertificationPathID", "no such path")
        return path

    def _path_of(self, asked: Element) -> str:
        rows = "".join(
            f"<r:CertificateID>{one}</r:CertificateID>" for one in self.paths[self._known_path(asked)]
        )
        return f"<r:CertificationPath>{rows}</r:CertificationPath>"

    def _delete_path(self, asked: Element) -> str:
        path = self._known_path(asked)
        if path in self.assigned:
            raise Wrong("ter:ReferenceExists", "it is assigned")
        del self.paths[path]
        return ""

    def _assigned(self, asked: Element) -> str:
        return "".join(f"<r:CertificationPathID>{path}</r:CertificationPathID>" for path in self.assigned)

    def _add(self, asked: Element) -> str:
        path = self._known_path(asked)
        if self.assigned:
            raise Wrong("ter:MaximumNumberOfTLSCertificationPathsReached", "it shows one")
        self.assigned = [path]
        self._show(path)
        return ""

    def _replace(self, asked: Element) -> str:
        old = self._known_path(asked, "OldCertificationPathID")
        new = self._known_path(asked, "NewCertificationPathID")
        if old not in self.assigned:
            raise Wrong("ter:CertificationPathID", "it is not assigned")
        self.assigned = [new]
        self._show(new)
        return ""

    def _show(self, path: str) -> None:
        if self.server is None or self.keeps_showing:
            return
        key, der = self.certificates[self.paths[path][0]]
        private = self.keys[key].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "shown.pem"
            file.write_text(private.decode() + ssl.DER_cert_to_PEM_cert(der))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
        self.server.tls = context
