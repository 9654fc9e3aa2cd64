"""Every way in and every reason to refuse it, as the walks over the isolation table find it: what docs/refusals.md shows.

    python -m tests.isolation      writes docs/refusals.md anew

The statuses are those the tests of this folder hold every reply to: they take them from here.
"""

from __future__ import annotations

from pathlib import Path

from tenants import checks
from tenants.declare import AgentOnly, Public, Requires
from tenants.permissions import NEVER_BY_TOKEN, VIEWER, Permission
from tests.isolation.footage import WAYS
from tests.isolation.table import API, CONSUMERS, TASKS, URLS, Url

PAGE = Path(__file__).resolve().parents[2] / "docs" / "refusals.md"


def permission_of(row: Url) -> Permission:
    """What the row's request takes. For rows of people."""
    assert isinstance(row.declares, Requires)
    return row.declares.of(row.method)


def takes_fresh(row: Url) -> bool:
    """Whether the row's request takes a factor given a moment ago."""
    return isinstance(row.declares, Requires) and row.declares.wants_fresh(row.method)


def is_api(row: Url) -> bool:
    """Whether programs call it; else it is a page."""
    return row.route.startswith(API)


def at_the_door(row: Url) -> int:
    """For whoever has no session that holds here: nobody, half signed in, waiting for approval, of another organisation."""
    return 401 if is_api(row) else 302


def without_right(row: Url) -> tuple[int, ...]:
    """For a viewer of one site who asks for what lies on another: 403 without the permission, else as if it were not there.
    Empty: the answer holds what is theirs alone."""
    if permission_of(row) not in VIEWER.permissions:
        return (403,)
    return row.not_found if row.names_object else ()


def with_token(row: Url) -> int:
    """For a token without the scope, or where none may be used at all."""
    return 403 if is_api(row) else 302


OUTSIDE_HOURS = 403
STALE = 403


def document() -> str:
    """The page."""
    return "\n".join([*_head(), *_people(), *_agents(), *_public(), *_sockets(), *_tasks()]) + "\n"


def _head() -> list[str]:
    return [
        "# Refusals",
        "",
        "Made from the code by `python -m tests.isolation`; a test fails while it differs. Each row is walked by "
        "`tests/isolation/`: refused for each reason with the status that stands here, and answered with the status under "
        "*else* on the same set-up when no reason is left.",
        "",
        "| reason | who tries | written down as |",
        "|---|---|---|",
        "| nobody | no session, half a sign-in, an agent's key | nothing: a stranger could fill the log; throttles count them |",
        "| waits | a session that waits for a second person | `approval.route-refused`, once a minute per session |",
        "| elsewhere | the owner of another organisation, at this one's door; at home with this one's ids: *elsewhere, at home* "
        "| at the door as nobody; at home `access.refused` in their own log |",
        "| no right | a viewer of another site | `access.refused` |",
        "| hours | somebody with every right whose role does not hold now | `access.refused`, reason `outside-hours` |",
        "| stale | somebody with every right whose second factor was given more than five minutes ago, where the route takes a "
        "fresh one | `access.refused`, reason `stale-factor` |",
        "| token | a token without the scope; for pages and what no token may do: any token | `access.refused`; for pages as nobody |",
        "",
        "A page answers 302 to whoever must sign in, and leads there. *own*: the answer holds what is the caller's alone.",
        "",
    ]


def _people() -> list[str]:
    lines = [
        "## People and their programs",
        "",
        "| route | takes | nobody | waits | elsewhere | at home | no right | hours | stale | token | else |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(
        (row for row in URLS if isinstance(row.declares, Requires)), key=lambda row: (row.route, row.method)
    ):
        door = str(at_the_door(row))
        never = " never" if is_api(row) and permission_of(row) in NEVER_BY_TOKEN else ""
        cells = [
            f"`{row.method} {row.route}`",
            f"`{permission_of(row).name}`",
            door,
            door,
            door,
            _statuses(row.not_found) if row.names_object else "own",
            _statuses(without_right(row)) or "own",
            str(OUTSIDE_HOURS),
            str(STALE) if takes_fresh(row) else "–",
            f"{with_token(row)}{never}",
            _statuses(row.succeeds),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *_footage()]


def _footage() -> list[str]:
    return [
        "## Too far back",
        "",
        "Ways to footage, asked by somebody with every right for time that lies further back than their role allows, or that "
        "its hours hide; each gives it on the same set-up when that rule is taken away. What is left out of an answer is no "
        "refusal and stands in no log; a 403 does, as `access.refused` with the reason `outside-hours`.",
        "",
        "| route | answer |",
        "|---|---|",
        *(f"| `{way.id}` | {way.words} |" for way in WAYS),
        "",
    ]


def _agents() -> list[str]:
    rows = [row for row in URLS if isinstance(row.declares, AgentOnly)]
    return [
        "## Agents",
        "",
        "By request signature alone; people, whatever they may do, and nobody are answered 401. Another organisation's agent "
        "gets what is its own.",
        "",
        *(f"- `{row.method} {row.route}`: {_statuses(row.succeeds)}" for row in rows),
        "",
    ]


def _public() -> list[str]:
    rows = {row.route for row in URLS if isinstance(row.declares, Public)}
    reasons = {entry.route: entry.declaration for entry in checks.urls()}
    lines = ["## Open to all", "", "Each with its reason; none holds anything of an organisation.", ""]
    for route in sorted(rows):
        declared = reasons[route]
        assert isinstance(declared, Public)
        lines.append(f"- `{route}`: {declared.reason}")
    return [*lines, ""]


def _sockets() -> list[str]:
    lines = [
        "## Sockets of the hub",
        "",
        "Tried by nobody, the other organisation's owner and agent, a viewer of another site, a session that waits, somebody "
        "outside their hours, this organisation's agent and its owner. Everybody but these is refused:",
        "",
    ]
    for row in CONSUMERS:
        needs = row.declares.permission.name if isinstance(row.declares, Requires) else "an agent's signature"
        lines.append(f"- `{row.route}` ({needs}): {', '.join(sorted(row.admits))}")
    return [*lines, ""]


def _tasks() -> list[str]:
    return [
        "## Tasks",
        "",
        "Nobody calls them from outside. A tenant's task that is given another tenant's ids finds nothing; none leaves a "
        "tenant's scope open.",
        "",
        *(
            f"- `{task.name}` ({task.declares.permission.name if isinstance(task.declares, Requires) else 'platform'})"
            for task in TASKS
        ),
    ]


def _statuses(found: tuple[int, ...]) -> str:
    return " or ".join(str(status) for status in found)
