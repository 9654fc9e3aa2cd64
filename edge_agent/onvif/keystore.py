"""Keys and certificates a camera keeps, by ONVIF (Advanced Security Service, keystore and TLS server). Its private keys never
leave it. Every method raises OnvifFailed."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
from html import escape
from typing import Final

from edge_agent.onvif.device import SECURITY, Device
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.soap import Element, text, texts

log = logging.getLogger(__name__)

KEY_BITS: Final = 2048
KEY_S: Final = 90.0
"""Small cameras take their time to make a key."""
_DER_TEXT_MAX: Final = 16_384
_SHA256_WITH_RSA: Final = "1.2.840.113549.1.1.11"


class Keystore:
    """Of one camera, whose services were found. Raises OnvifFailed `unsupported` where it has none."""

    def __init__(self, device: Device) -> None:
        device.place_of(SECURITY)
        self._device = device

    async def _ask(self, action: str, inside: str = "") -> Element:
        return await self._device.call(SECURITY, f'<{action} xmlns="{SECURITY}">{inside}</{action}>', action)

    async def make_key(self, alias: str) -> str:
        """A new RSA key pair, once the camera says that it is there; its id."""
        inside = f"<KeyLength>{KEY_BITS}</KeyLength><Alias>{escape(alias)}</Alias>"
        key = text(await self._ask("CreateRSAKeyPair", inside), "KeyID")
        if not key:
            raise OnvifFailed("unusable", "the camera names no key it made")
        ends_s = time.monotonic() + KEY_S
        while (state := text(await self._ask("GetKeyStatus", _key(key)), "KeyStatus")) == "generating":
            if time.monotonic() >= ends_s:
                raise OnvifFailed("timeout", "the camera takes too long to make a key")
            await asyncio.sleep(1.0)
        if state != "ok":
            raise OnvifFailed("refused-setting", "the camera could not make a key")
        return key

    async def request(self, key: str, name: str) -> bytes:
        """The camera's request for a certificate of this key, PKCS #10 (RFC 2986), DER."""
        inside = (
            f"<Subject><CommonName>{escape(name)}</CommonName></Subject>{_key(key)}"
            f"<SignatureAlgorithm><algorithm>{_SHA256_WITH_RSA}</algorithm></SignatureAlgorithm>"
        )
        answer = await self._ask("CreatePKCS10CSR", inside)
        try:
            return base64.b64decode(
                "".join(text(answer, "PKCS10CSR", most=_DER_TEXT_MAX).split()), validate=True
            )
        except binascii.Error:
            raise OnvifFailed("unusable", "the camera's request for a certificate cannot be read") from None

    async def upload(self, certificate: bytes, alias: str) -> str:
        """The certificate of a key the camera has; its id."""
        inside = (
            f"<Certificate>{base64.b64encode(certificate).decode()}</Certificate><Alias>{escape(alias)}</Alias>"
            "<PrivateKeyRequired>true</PrivateKeyRequired>"
        )
        return text(await self._ask("UploadCertificate", inside), "CertificateID")

    async def make_path(self, certificate: str, alias: str) -> str:
        """A certification path of one certificate; its id."""
        inside = (
            f"<CertificateIDs><CertificateID>{escape(certificate)}</CertificateID></CertificateIDs>"
            f"<Alias>{escape(alias)}</Alias>"
        )
        return text(await self._ask("CreateCertificationPath", inside), "CertificationPathID")

    async def assigned(self) -> list[str]:
        """Paths the camera's TLS server shows."""
        return texts(await self._ask("GetAssignedServerCertificates"), "CertificationPathID")

    async def assign(self, path: str, in_place_of: str | None) -> None:
        """Have the TLS server show it from now on."""
        if in_place_of is None:
            await self._ask("AddServerCertificateAssignment", _path(path))
            return
        inside = (
            f"<OldCertificationPathID>{escape(in_place_of)}</OldCertificationPathID>"
            f"<NewCertificationPathID>{escape(path)}</NewCertificationPathID>"
        )
        await self._ask("ReplaceServerCertificateAssignment", inside)

    async def forget_path(self, path: str) -> None:
        """Remove a path that is not assigned any more, with its certificates and their keys: cameras keep few of them. What
        the camera does not let go stays."""
        try:
            certificates = texts(await self._ask("GetCertificationPath", _path(path)), "CertificateID")
            await self._ask("DeleteCertificationPath", _path(path))
            for one in certificates:
                inside = f"<CertificateID>{escape(one)}</CertificateID>"
                key = text(await self._ask("GetCertificate", inside), "KeyID")
                await self._ask("DeleteCertificate", inside)
                if key:
                    await self.forget_key(key)
        except OnvifFailed as failure:
            log.info("a camera keeps a certificate it needs no more: %s", failure)

    async def forget_key(self, key: str) -> None:
        """Remove a key that is not used; it stays where the camera does not let it go."""
        try:
            await self._ask("DeleteKey", _key(key))
        except OnvifFailed as failure:
            log.info("a camera keeps a key it needs no more: %s", failure)


def _key(key: str) -> str:
    return f"<KeyID>{escape(key)}</KeyID>"


def _path(path: str) -> str:
    return f"<CertificationPathID>{escape(path)}</CertificationPathID>"
