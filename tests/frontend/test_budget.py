"""What a first view costs: compressed JavaScript of each page, from the build's manifest."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.frontend.stand import DIST

KB = 1000


def _scripts(entry: str) -> set[str]:
    """The files a page loads for `entry` at once, itself included."""
    manifest = json.loads((DIST / "manifest.json").read_text())

    def files(name: str) -> set[str]:
        part = manifest[name]
        own = {part["file"], *(asset for asset in part.get("assets", ()) if asset.endswith(".js"))}
        return own.union(*(files(other) for other in part.get("imports", ())))

    return files(entry)


@pytest.mark.parametrize(
    ("page", "most_kb"), [("app", 120), ("overview", 120), ("camera", 220), ("sync", 220)]
)
def test_first_view_stays_in_its_budget(page: str, most_kb: int) -> None:
    files = _scripts("src/pages/app.ts") | _scripts(f"src/pages/{page}.ts")
    size = sum(len(gzip.compress((DIST / file).read_bytes())) for file in files)
    assert size <= most_kb * KB
