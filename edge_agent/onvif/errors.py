"""Why a camera did not do what it was asked by ONVIF."""

from __future__ import annotations


class OnvifFailed(Exception):
    """`cause`: one of `protocol.finding.LOOK_CAUSES`; the text is for logs, and holds no password."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(detail or cause)
        self.cause = cause
