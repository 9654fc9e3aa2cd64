"""What is audited about agents."""

from vsaas.audit.acts import declare

CODE_ISSUED = declare("agent.code", "{actor} made an enrolment code for {object}")
ENROLLED = declare("agent.enrolled", "{actor} was enrolled on {object}, transport key {kid}")
ENROLMENT_REFUSED = declare("agent.enrolment_refused", "An enrolment on {object} was refused: {reason}")
REVOKED = declare("agent.revoked", "{actor} revoked {object}")
REFUSED = declare("agent.refused", "{actor} was refused: {reason}")
CLONED = declare("agent.cloned", "{actor} speaks from two running copies in turn: {instance} and {other}")
CHANGED = declare("agent.changed", "{actor} changed {changed} of the agent {object}")
