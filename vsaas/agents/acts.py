"""What is audited about agents."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, ngettext

from vsaas.audit.acts import Data, declare, each_of, one_of

RUN_OUT = gettext_noop("this code has run out: ask for a new one")
TRIED_TOO_OFTEN = gettext_noop("this code was tried too often: ask for a new one")
USED_ALREADY = gettext_noop("this code was used already: each enrols one agent; ask for a new one")
USED_JUST_NOW = gettext_noop("this code was used a moment ago: each enrols one agent; ask for a new one")
REPLACED_ALREADY = gettext_noop(
    "another box took the place of that agent already: ask for a code for a new agent"
)
KEYS_KNOWN = gettext_noop("these keys belong to an agent already: make new ones and ask for a new code")


def cameras_spoken(count: int) -> str:
    """ "1 camera", "3 cameras"."""
    return ngettext("%(count)s camera", "%(count)s cameras", count) % {"count": count}


CODE_ISSUED = declare("agent.code", _("{actor} made an enrolment code for {object}"))
ENROLLED = declare("agent.enrolled", _("{actor} was enrolled on {object}, transport key {kid}"))
ENROLMENT_REFUSED = declare(
    "agent.enrolment_refused",
    _("An enrolment on {object} was refused: {reason}"),
    reason=one_of(RUN_OUT, TRIED_TOO_OFTEN, USED_ALREADY, USED_JUST_NOW, REPLACED_ALREADY, KEYS_KNOWN),
)
REPLACEMENT_ASKED = declare(
    "agent.replacement_code", _("{actor} made an enrolment code for a box that takes the place of {object}")
)
REPLACED = declare(
    "agent.replaced",
    _("{actor} took the place of {object}, with its {cameras}"),
    cameras=Data(cameras_spoken),
)
ADOPTED = declare("agent.adopted", _("{actor} brought what the disk of {object} still held"), ["statement"])
REVOKED = declare("agent.revoked", _("{actor} revoked {object}"))
REFUSED = declare("agent.refused", _("{actor} was refused: {reason}"))
CLONED = declare("agent.cloned", _("{actor} speaks from two running copies in turn: {instance} and {other}"))
CHANGED = declare(
    "agent.changed",
    _("{actor} changed {changed} of the agent {object}"),
    ["before", "after"],
    changed=each_of(gettext_noop("name"), gettext_noop("site")),
)
ROLLOVER_CLONED = gettext_noop("two boxes speak with its identity")
ROLLOVER_ASKED = declare("agent.rollover-asked", _("{actor} asked the agent {object} for new keys"))
ROLLOVER_STATED = declare("agent.rollover-stated", _("{object} has new keys, transport key {kid}"))
ROLLOVER_ENDED = declare("agent.rollover-ended", _("The former keys of {object} count for nothing new"))
ROLLOVER_REFUSED = declare(
    "agent.rollover-refused",
    _("{object} was given no new keys: {reason}"),
    reason=one_of(ROLLOVER_CLONED),
)
ROLLOVER_NO_ANSWER = declare(
    "agent.rollover-no-answer", _("{object} did not answer the wish for new keys within a week")
)
UPDATE_ORDERED = declare("agent.update-ordered", _("{actor} had {object} updated to {version}"))
UPDATE_TAKEN_BACK = declare(
    "agent.update-taken-back",
    _("The order to update {object} to {version} was taken back: the release is paused"),
)
UPDATE_HELD = declare("agent.update-held", _("{actor} keeps {object} at its version"))
UPDATE_RELEASED = declare("agent.update-released", _("{actor} lets {object} be updated again"))
UPDATED = declare("agent.updated", _("{actor} was updated to {version}"))
NOT_UPDATED = declare("agent.not-updated", _("{actor} was not updated to {version}: {reason}"))
UPDATE_POLICY_CHANGED = declare(
    "agent.update-policy", _("{actor} changed how agents are updated"), ["before", "after"]
)
ROLLOUT_STARTED = declare("agent.rollout-started", _("{actor} began to update the agents to {version}"))
ROLLOUT_STOPPED = declare("agent.rollout-stopped", _("{actor} stopped the update of the agents to {version}"))
ROLLOUT_STOPPED_ITSELF = declare(
    "agent.rollout-failed", _("The update of the agents to {version} stopped: {reason}")
)
ROLLOUT_DONE = declare("agent.rollout-done", _("The update of the agents to {version} is done"))
