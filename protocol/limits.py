"""Sizes and times both sides agree on."""

from __future__ import annotations

from typing import Final

BATCH_RECORDS_MAX: Final = 500
BATCH_BYTES_MAX: Final = 4 * 1024 * 1024
RECORD_BYTES_MAX: Final = 16 * 1024
INDEX_PART_BYTES_MAX: Final = 262_144
ENVELOPE_BYTES_MAX: Final = 4096
JSON_BODY_BYTES_MAX: Final = 256 * 1024

SEGMENT_OBJECT_BYTES_MAX: Final = 512 * 1024 * 1024
"""No grant is given for a larger object: 15 s at 270 Mbit/s."""

GRANT_PUT_SECONDS: Final = 900
GRANT_GET_SECONDS: Final = 120
NONCE_SECONDS: Final = 300
HEARTBEAT_SECONDS: Final = 10
AGENT_OFFLINE_SECONDS: Final = 45

ENROLMENT_CODE_SECONDS: Final = 1800
ENROLMENT_CODE_ATTEMPTS: Final = 5

LIVE_MESSAGE_BYTES_MAX: Final = 4 * 1024 * 1024
LIVE_KEY_SECONDS: Final = 300
LIVE_TICKET_SECONDS: Final = 30
LAST_US: Final = 253_402_300_799_000_000
"""The last second of the year 9999, with which dates end, in UTC µs."""
