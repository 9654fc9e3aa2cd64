"""What the documents say is there."""

import re
import subprocess
from pathlib import Path

import pytest

from vsaas.settings.env import PREFIX, Environment

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    found = [ROOT / name for name in listed] or [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    return [path for path in found if path.exists()]


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    targets = [target for target, _ in LINK.findall(document.read_text()) if "://" not in target]
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("document", ["docs/production.md", "docs/architecture.md"])
def test_every_setting_is_documented(document: str) -> None:
    text = (ROOT / document).read_text()
    names = [PREFIX + name.upper() for name in Environment.model_fields]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {PREFIX + name.upper() for name in Environment.model_fields}
    for document in ("docs/production.md", "docs/architecture.md"):
        written = set(re.findall(rf"`({PREFIX}[A-Z0-9_]+)`", (ROOT / document).read_text()))
        assert written - known == set(), document


def test_every_make_target_is_in_the_readme_and_in_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(TARGET.findall(makefile))
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    readme = (ROOT / "README.md").read_text()
    assert targets == set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE).group(1).split())
    for target in targets - {"help"}:
        assert f"make {target}" in readme, target
        assert re.search(rf"^{target}\b", shown, re.MULTILINE), target


def test_the_changelog_speaks_of_the_version() -> None:
    version = re.search(r'^version = "([^"]+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE).group(
        1
    )
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_no_document_names_a_folder_of_the_machine_it_was_written_on() -> None:
    for document in documents():
        assert not re.search(r"(?<![\w.])/(work|root|home/[a-z]+)/", document.read_text()), document


def test_every_command_of_the_operator_is_in_the_production_guide() -> None:
    text = (ROOT / "docs" / "production.md").read_text()
    commands = {path.stem for path in (ROOT / "vsaas").glob("*/management/commands/[a-z]*.py")} - {"migrate"}
    assert [
        name for name in sorted(commands) if f"`{name}`" not in text and f"manage.py {name}`" not in text
    ] == []
