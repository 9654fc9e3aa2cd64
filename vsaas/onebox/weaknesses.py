"""Bandit over cloud and agent, as `make lint` runs it: nothing is found but what is accepted here, each with its reason.

What is accepted is a number of findings of one kind in one file, so that one more is noticed; one fewer as well.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

PACKAGES = ("vsaas", "tenants", "edge_agent", "protocol", "sealing")
# Kinds that are no weakness here: asserts state what holds (nothing is checked by them), and programs are started by name
# with lists of arguments, never through a shell (B602, B604 and B605 stay on).
SKIPPED = ("B101", "B404", "B603", "B607")

_FIXED = "table, column and placeholder names of our own are put together; every value is a parameter"
_NAMES = "the name of a thing, not the thing"
_EXAMPLE = "an example in the API's document"
_WHOLE = "replaces this process by a program named here, with a list of arguments"

ACCEPTED: Mapping[tuple[str, str], tuple[int, str]] = {
    ("edge_agent/budget.py", "B608"): (2, _FIXED),
    ("edge_agent/rebuild.py", "B608"): (2, _FIXED),
    ("edge_agent/onvif/soap.py", "B405"): (1, "the type of an element; what parses is defusedxml"),
    ("edge_agent/spool.py", "B608"): (5, _FIXED),
    ("tenants/lookups.py", "B105"): (1, _NAMES),
    ("tenants/lookups.py", "B608"): (1, "the function's name is from the closed list in the same file"),
    ("tenants/migrations/0001_initial.py", "B608"): (1, _FIXED),
    ("tenants/rls.py", "B608"): (1, _FIXED),
    ("vsaas/accounts/numbers_api.py", "B105"): (2, _EXAMPLE),
    ("vsaas/accounts/own_api.py", "B105"): (2, _EXAMPLE),
    ("vsaas/accounts/passkeys_api.py", "B105"): (1, _EXAMPLE),
    ("vsaas/accounts/people_api.py", "B105"): (2, _EXAMPLE),
    ("vsaas/accounts/signin.py", "B105"): (1, _NAMES),
    ("vsaas/accounts/stepping_up.py", "B105"): (1, _NAMES),
    ("vsaas/accounts/tokens_api.py", "B105"): (1, _EXAMPLE),
    ("vsaas/agents/pages.py", "B308"): (1, "a QR code that segno drew from a code of our own alphabet"),
    ("vsaas/agents/pages.py", "B703"): (1, "a QR code that segno drew from a code of our own alphabet"),
    ("vsaas/audit/sequencer.py", "B608"): (1, _FIXED),
    ("vsaas/audit/settings_api.py", "B105"): (3, _EXAMPLE),
    ("vsaas/cameras/api.py", "B105"): (1, _EXAMPLE),
    ("vsaas/cameras/finding_api.py", "B105"): (1, _EXAMPLE),
    ("vsaas/cameras/finding_replies.py", "B105"): (1, _EXAMPLE),
    ("vsaas/common/reference.py", "B308"): (1, "built from texts that are escaped one by one"),
    ("vsaas/common/reference.py", "B703"): (1, "built from texts that are escaped one by one"),
    ("vsaas/footage/events.py", "B608"): (5, _FIXED),
    ("vsaas/footage/ingest.py", "B608"): (1, _FIXED),
    ("vsaas/footage/playback.py", "B608"): (3, _FIXED),
    ("vsaas/footage/stills.py", "B608"): (1, _FIXED),
    ("vsaas/footage/stored.py", "B608"): (1, _FIXED),
    ("vsaas/footage/timeline.py", "B608"): (3, _FIXED),
    ("vsaas/footage/write.py", "B608"): (1, _FIXED),
    ("vsaas/onebox/address.py", "B104"): (1, "with TLS=1 the local network is meant to reach it"),
    ("vsaas/onebox/bootstrap.py", "B606"): (2, _WHOLE),
    ("vsaas/onebox/checks.py", "B105"): (2, "settings that lead nowhere, for the type checker"),
    ("vsaas/onebox/checks.py", "B314"): (1, "reads the report our own pytest wrote"),
    ("vsaas/onebox/checks.py", "B405"): (1, "reads the report our own pytest wrote"),
    ("vsaas/onebox/demo_camera/__main__.py", "B105"): (1, "the name of a variable of the environment"),
    ("vsaas/onebox/demo_camera/faults.py", "B311"): (1, "seeded, so that a test loses the same packets each time"),
    ("vsaas/onebox/demo_camera/keystore.py", "B405"): (1, "the type; what parses is defusedxml"),
    ("vsaas/onebox/demo_camera/onvif.py", "B405"): (1, "the type; what parses is defusedxml"),
    ("vsaas/onebox/demo_camera/sdp.py", "B104"): (1, "SDP writes 0.0.0.0 for an address that is not told; nothing binds to it"),
    ("vsaas/onebox/launch.py", "B606"): (1, _WHOLE),
    ("vsaas/onebox/places.py", "B108"): (1, "the folder above; what is made in it is checked to be ours and private"),
    ("vsaas/onebox/supervisor.py", "B411"): (1, "speaks to our own supervisord over a unix socket only we may open"),
}  # fmt: skip


def unaccepted(root: Path) -> list[str]:
    """A line for each finding that is not accepted, and for each acceptance that is one too many."""
    command = [sys.executable, "-m", "bandit", "-q", "-f", "json", "-s", ",".join(SKIPPED), "-r", *PACKAGES]
    report = json.loads(subprocess.run(command, cwd=root, capture_output=True, text=True).stdout)
    if report["errors"]:
        return [f"{error['filename']}: {error['reason']}" for error in report["errors"]]
    found = Counter((row["filename"].removeprefix("./"), row["test_id"]) for row in report["results"])
    wrong = {key for key in found.keys() | ACCEPTED.keys() if found[key] != ACCEPTED.get(key, (0, ""))[0]}
    lines = [
        f"{row['filename']}:{row['line_number']}: {row['test_id']} {row['issue_text']}"
        for row in report["results"]
        if (row["filename"].removeprefix("./"), row["test_id"]) in wrong
    ]
    gone = sorted(key for key in wrong if found[key] < ACCEPTED.get(key, (0, ""))[0])
    return [*lines, *(f"{path}: fewer {kind} than vsaas/onebox/weaknesses.py accepts" for path, kind in gone)]


def check(root: Path) -> int:
    """Prints what is not accepted; an exit status."""
    found = unaccepted(root)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0
