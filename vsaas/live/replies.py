"""What the API asks and tells of live view."""

from pydantic import BaseModel

from vsaas.common.shapes import B64, Fingerprint, HpkePublic, Id, Micros, StreamName


class LiveFields(BaseModel):
    """Which video to watch, and the key that keys come sealed to."""

    camera: Id
    stream: StreamName
    hpke_public: HpkePublic


class LiveTicket(BaseModel):
    """Send `{"ticket": …}` as the first message of a WebSocket to `url`. It opens once, until `expires_us`."""

    ticket: str
    url: str
    expires_us: Micros
    tenant: Id
    account: Id
    session: B64
    root_fingerprint: Fingerprint


LIVE_ASKED = {
    "camera": "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11",
    "stream": "main",
    "hpke_public": "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
}
LIVE = {
    "ticket": "vP2xq0mB8oQk3dJtYw6h1nRzLs9eGf4uXc7aTi5jKbM",
    "url": "wss://live.example.com/live",
    "expires_us": 1764065020000000,
    "tenant": "019ac0ef-91d2-7a05-b3c4-5d6e7f8091a2",
    "account": "019ac0f0-2b3c-7d4e-8f90-a1b2c3d4e5f6",
    "session": "pD1aT0Wm8k2xQe4vN7s9Zw",
    "root_fingerprint": "7d4f1c0e5a8b9263d1e4f7a0b3c6d9e2f5a8b1c4d7e0f3a6b9c2d5e8f1a4b7c0",
}
