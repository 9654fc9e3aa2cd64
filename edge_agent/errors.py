"""The agent's errors. A message says the cause, the object and the next step, and holds no secret."""

from __future__ import annotations

from sealing.ids import GapReason


class AgentError(Exception):
    """Something the agent cannot go on with; the text is for people. `exit_code` is what a command ends with."""

    exit_code = 1


class NotEnrolled(AgentError):
    """The state folder holds no identity."""

    exit_code = 3


class StateUnusable(AgentError):
    """The state folder cannot be read or written, or its contents contradict each other."""

    exit_code = 4


class EnrolmentRefused(AgentError):
    """The portal refused the code, or what it answered does not hold."""

    exit_code = 5


class FalsePortal(EnrolmentRefused):
    """Whoever answered does not own the tenant root named in the enrolment code."""

    exit_code = 6


class PortalUnreachable(AgentError):
    """No answer from the portal, or none that could be used."""

    exit_code = 7


class PortalRefused(AgentError):
    """The portal answered with an error. `status` is the HTTP status, `name` the problem's last word, `detail` its own text."""

    exit_code = 8

    def __init__(
        self, message: str, status: int, name: str, retry_after_s: float | None = None, detail: str = ""
    ) -> None:
        super().__init__(message)
        self.detail = detail or message
        self.status = status
        self.name = name
        self.retry_after_s = retry_after_s


class TrustBroken(AgentError):
    """Statements or a command document do not hold: keep what was there before and raise an alarm."""


class DiskFull(AgentError):
    """There is no room in the spool: recording pauses, and the pause is a declared gap."""


class DiskFailed(DiskFull):
    """The spool's disk takes nothing, and not for want of room. Recording pauses and the pause is declared as well.

    `lasting`: all of it is concerned (read-only, gone), not one file.
    """

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.lasting = lasting


class SpoolDamaged(AgentError):
    """The spool's index is damaged: it is made anew from the segments themselves."""

    exit_code = 4


class CertificateChanged(OSError):
    """A camera shows another certificate than the one a person accepted. `shown`: SHA-256 of what it shows, hex."""

    def __init__(self, shown: str) -> None:
        super().__init__("another certificate")
        self.shown = shown


class SourceFailed(AgentError):
    """A camera's stream ended or could not be opened. `reason` is what the gap record will say.

    `cause`: a finer word where it is known, one of `protocol.order.CAUSES`. `certificate`: SHA-256 (hex) of the one that was
    shown and is not accepted.
    """

    def __init__(self, reason: GapReason, message: str, cause: str = "", certificate: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.cause = cause
        self.certificate = certificate
