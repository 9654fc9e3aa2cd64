"""Prints the test files that need nothing of the cloud, neither themselves nor through their helpers.

CI runs these with the agent's requirements alone: `python tests/alone.py tests/sealing tests/edge_agent`. With `--imports`
it names instead whatever packages import, anywhere in them, that is not installed: `python tests/alone.py --imports edge_agent`.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLOUD = {
    "vsaas",
    "tenants",
    "django",
    "rest_framework",
    "channels",
    "celery",
    "boto3",
    "redis",
    "psycopg",
}


def imported(file: Path) -> Iterator[str]:
    """Full names of what a file imports, anywhere in it, but for what stands beside it in its own package."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def needs_cloud(file: Path, seen: set[Path]) -> bool:
    """Whether a file, or a helper below `tests` that it imports, imports something of the cloud."""
    seen.add(file)
    names = set(imported(file))
    if any(name.split(".")[0] in CLOUD for name in names):
        return True
    helpers = {ROOT / (name.replace(".", "/") + ".py") for name in names if name.startswith("tests.")}
    return any(needs_cloud(helper, seen) for helper in helpers - seen if helper.exists())


def missing(packages: list[str]) -> list[str]:
    """Each import of the packages' modules, inside of functions too, that finds nothing installed."""
    found = {
        f"{file.relative_to(ROOT)} imports {top}"
        for package in packages
        for file in (ROOT / package).rglob("*.py")
        for top in {name.split(".")[0] for name in imported(file)}
        if importlib.util.find_spec(top) is None
    }
    return sorted(found)


def main(folders: list[str]) -> None:
    """Prints one file a line; with `--imports`, ends with what is missing, if anything is."""
    if folders[:1] == ["--imports"]:
        sys.path.insert(0, str(ROOT))
        if names := missing(folders[1:]):
            sys.exit("not installed here:\n" + "\n".join(names))
        return
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("test_*.py")):
            if not needs_cloud(file, set()):
                print(file.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
