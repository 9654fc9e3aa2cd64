"""When a camera is recorded and how much of it: its plan as it is kept and sent, in words, and what it means in hours.

`{"mode", "quality", "windows": [{"days", "from", "to", "mode", "quality"}], "pre_roll_s", "post_roll_s", "triggers"}`. The
mode and quality at the top hold where no window does, of windows that overlap the first. Times are those of the site.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from protocol.plan import (
    DAY_MINUTES,
    POST_ROLL_S_MOST,
    PRE_ROLL_S_MOST,
    WINDOWS_MOST,
    Mode,
    PlanWindow,
    Quality,
    RecordingPlan,
    Rule,
)
from tenants.hours import HoursRefused, Window, window_from_json, window_to_json
from tenants.words import Text
from vsaas.accounts.hours_words import window_words
from vsaas.cameras.errors import InvalidCamera

FIELD: Final = "recording"
MODES: Final = {"continuous": Mode.CONTINUOUS, "event": Mode.EVENT, "off": Mode.OFF}
QUALITIES: Final = {"full": Quality.FULL, "key-frames": Quality.KEY_FRAMES, "sub": Quality.SUB}
MODE_NAMES: Final = {mode: name for name, mode in MODES.items()}
QUALITY_NAMES: Final = {quality: name for name, quality in QUALITIES.items()}
MODE_WORDS: Final = {
    Mode.CONTINUOUS: gettext_lazy("Always"),
    Mode.EVENT: gettext_lazy("When something happens"),
    Mode.OFF: gettext_lazy("Not at all"),
}
QUALITY_WORDS: Final = {
    Quality.FULL: gettext_lazy("Everything"),
    Quality.KEY_FRAMES: gettext_lazy("Key frames only"),
    Quality.SUB: gettext_lazy("Sub stream only"),
}
TRIGGER_WORDS: Final = {
    "motion": gettext_lazy("motion"),
    "tamper": gettext_lazy("tampering"),
    "input": gettext_lazy("an input of the camera"),
    "line": gettext_lazy("a line that is crossed"),
    "sound": gettext_lazy("a sound"),
}
OFFERED: Final = tuple(TRIGGER_WORDS)
"""What may be chosen: kinds that something tells the agent of."""
_KNOWN: Final = {"mode", "quality", "windows", "pre_roll_s", "post_roll_s", "triggers"}
_DEFAULT: Final = RecordingPlan("UTC")


def plan_from_json(document: Any, zone: str) -> RecordingPlan:
    """The plan of a JSON document; what is absent is as on a camera without a plan. Raises InvalidCamera, naming the field."""
    if not isinstance(document, dict):
        raise _refused("", _("must be null or an object"))
    for name in document:
        if name not in _KNOWN:
            raise _refused(str(name)[:40], _("is not known here"))
    rows = document.get("windows", [])
    if not isinstance(rows, list) or len(rows) > WINDOWS_MOST:
        raise _refused("windows", _("must be a list of at most %(most)s windows") % {"most": WINDOWS_MOST})
    plan = RecordingPlan(
        zone,
        _rule(document, ""),
        tuple(_window(row, f"windows.{number}") for number, row in enumerate(rows)),
        _seconds(document, "pre_roll_s", PRE_ROLL_S_MOST, _DEFAULT.pre_roll_s),
        _seconds(document, "post_roll_s", POST_ROLL_S_MOST, _DEFAULT.post_roll_s),
        _triggers(document.get("triggers", sorted(_DEFAULT.triggers))),
    )
    if plan.by_event and not plan.triggers:
        raise _refused("triggers", _("must name at least one, or nothing would ever be recorded by event"))
    return plan


def plan_to_json(plan: RecordingPlan) -> dict[str, Any]:
    """The JSON document of a plan, without its zone, which is the site's."""
    return {
        **_rule_json(plan.usual),
        "windows": [
            window_to_json(Window(one.days, one.from_min, one.to_min)) | _rule_json(one.rule)
            for one in plan.windows
        ],
        "pre_roll_s": plan.pre_roll_s,
        "post_roll_s": plan.post_roll_s,
        "triggers": [name for name in OFFERED if name in plan.triggers],
    }


def needs_sub(plan: RecordingPlan) -> bool:
    """Whether at some time it keeps the sub stream alone."""
    return any(rule.quality is Quality.SUB and rule.mode is not Mode.OFF for rule in plan.rules)


def _refused(at: str, message: Text) -> InvalidCamera:
    return InvalidCamera(f"{FIELD}.{at}".rstrip("."), message)


def _window(row: Any, at: str) -> PlanWindow:
    if not isinstance(row, dict):
        raise _refused(at, _("must be an object"))
    try:
        window = window_from_json({name: row[name] for name in row if name not in ("mode", "quality")}, at)
    except HoursRefused as refused:
        raise _refused(refused.field, refused.message) from refused
    return PlanWindow(window.days, window.from_min, window.to_min, _rule(row, f"{at}."))


def _rule(row: dict[str, Any], at: str) -> Rule:
    mode, quality = row.get("mode", "continuous"), row.get("quality", "full")
    if not isinstance(mode, str) or mode not in MODES:
        raise _refused(f"{at}mode", _("must be one of: %(names)s") % {"names": ", ".join(MODES)})
    if not isinstance(quality, str) or quality not in QUALITIES:
        raise _refused(f"{at}quality", _("must be one of: %(names)s") % {"names": ", ".join(QUALITIES)})
    return Rule(MODES[mode], QUALITIES[quality])


def _rule_json(rule: Rule) -> dict[str, str]:
    return {"mode": MODE_NAMES[rule.mode], "quality": QUALITY_NAMES[rule.quality]}


def _seconds(document: dict[str, Any], name: str, most: int, default: int) -> int:
    value = document.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _refused(name, _("must be whole seconds, from 0 to %(most)s") % {"most": most})
    return value


def _triggers(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or any(one not in OFFERED for one in value):
        raise _refused("triggers", _("must be a list of: %(names)s") % {"names": ", ".join(OFFERED)})
    return frozenset(value)


# In words


def plan_text(plan: RecordingPlan | None) -> str:
    """For the audit log: the plan in the words of the API, which need no translation."""
    if plan is None:
        return "continuous full"
    parts = [" ".join(_rule_json(plan.usual).values())]
    for row in plan_to_json(plan)["windows"]:
        parts.append(f"{'+'.join(row['days'])} {row['from']}-{row['to']} {row['mode']} {row['quality']}")
    if plan.by_event:
        kinds = "+".join(sorted(plan.triggers))
        parts.append(f"{plan.pre_roll_s} s before, {plan.post_roll_s} s after {kinds}")
    return ", ".join(parts)


def sentences(plan: RecordingPlan | None) -> list[str]:
    """What holds, one sentence each, in the reader's language."""
    if plan is None:
        return [_("Everything is recorded, always.")]
    told = [
        _("%(when)s: %(what)s.") % {"when": _hours(window), "what": rule_words(window.rule)}
        for window in plan.windows
    ]
    usual = _("At all other times: %(what)s.") if told else _("At all times: %(what)s.")
    told.append(usual % {"what": rule_words(plan.usual)})
    if plan.by_event:
        told.append(
            _(
                "An event is recorded from %(before)s s before it until %(after)s s after it. It is: %(kinds)s."
            )
            % {"before": plan.pre_roll_s, "after": plan.post_roll_s, "kinds": _listed(plan.triggers)}
        )
    return told


def rule_words(rule: Rule) -> str:
    """ "when something happens, key frames only"."""
    if rule.mode is Mode.OFF:
        return _("not recorded")
    what = {
        (Mode.CONTINUOUS, Quality.FULL): _("recorded continuously"),
        (Mode.CONTINUOUS, Quality.KEY_FRAMES): _("recorded continuously, of the main stream key frames only"),
        (Mode.CONTINUOUS, Quality.SUB): _("recorded continuously, the sub stream only"),
        (Mode.EVENT, Quality.FULL): _("recorded when something happens"),
        (Mode.EVENT, Quality.KEY_FRAMES): _(
            "recorded when something happens, of the main stream key frames only"
        ),
        (Mode.EVENT, Quality.SUB): _("recorded when something happens, the sub stream only"),
    }
    return what[rule.mode, rule.quality]


def _hours(window: PlanWindow) -> str:
    words = window_words(Window(window.days, window.from_min, window.to_min))
    return words[:1].upper() + words[1:]


def _listed(triggers: Iterable[str]) -> str:
    return ", ".join(str(TRIGGER_WORDS[name]) for name in OFFERED if name in triggers)


def week_words(plan: RecordingPlan | None) -> str:
    """What a usual week of it means for storage: how many of its hours are recorded in which way."""
    minutes = dict.fromkeys(Mode, 0)
    thin = 0
    for weekday in range(7):
        for minute in range(DAY_MINUTES):
            rule = _rule_at(plan, weekday, minute)
            minutes[rule.mode] += 1
            thin += rule.mode is not Mode.OFF and rule.quality is not Quality.FULL
    told = _(
        "Of the 168 hours of a week %(always)s are recorded throughout and take room all the time, %(event)s by event and "
        "take room only when something happens, and %(off)s not at all."
    ) % {
        "always": _hours_text(minutes[Mode.CONTINUOUS]),
        "event": _hours_text(minutes[Mode.EVENT]),
        "off": _hours_text(minutes[Mode.OFF]),
    }
    if thin:
        told += " " + ngettext(
            "In %(hours)s hour less than everything is kept, which takes a fraction of the room.",
            "In %(hours)s hours less than everything is kept, which takes a fraction of the room.",
            max(2, thin // 60) if thin != 60 else 1,
        ) % {"hours": _hours_text(thin)}
    return told


def _rule_at(plan: RecordingPlan | None, weekday: int, minute: int) -> Rule:
    if plan is None:
        return Rule()
    covering = (window.rule for window in plan.windows if window.covers(weekday, minute))
    return next(covering, plan.usual)


def _hours_text(minutes: int) -> str:
    return f"{minutes / 60:.1f}".removesuffix(".0")
