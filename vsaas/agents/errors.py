"""Errors of agents; `vsaas.common.problems` maps them like every other."""

from django.utils.translation import gettext_lazy as _

from vsaas.common.errors import BadRequest, Conflict, Denied, VsaasError


class AgentUnknown(VsaasError):
    """The key that signed belongs to no agent, or to a revoked one."""

    status = 401
    problem = "unknown-agent"
    title = _("This agent is not known here")
    refusal = True


class EnrolmentRefused(Denied):
    """The enrolment code is unknown, used, run out, or was tried too often."""

    problem = "enrolment-refused"
    title = _("This code does not enrol an agent")


class WaitsForHolder(Conflict):
    """The organisation holds its keys itself, and nobody has signed yet that this agent belongs to it. The agent asks again."""

    problem = "waits-for-holder"
    title = _("A holder of the organisation's keys has to sign first")

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(
            detail, headers={"Retry-After": str(retry_after_s)}, extra={"retry_after_s": retry_after_s}
        )


class MalformedMessage(BadRequest):
    """A message of an agent is not what the protocol says; `detail` names the field."""

    problem = "malformed-message"


class AlreadyReplaced(Conflict):
    """Another box took the place of this agent."""

    problem = "already-replaced"


class NotItsSuccessor(Denied):
    """An agent speaks for another one whose place it has not taken."""

    problem = "not-its-successor"


class AgentOffline(Conflict):
    """The agent is not connected, so it cannot be asked anything now."""

    problem = "agent-offline"
