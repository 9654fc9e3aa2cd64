"""Prints the test files that need nothing of the cloud, neither themselves nor through their helpers.

CI runs these with the agent's requirements alone: `python tests/alone.py tests/sealing tests/edge_agent`.
"""

import ast
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
    """Full names of what a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
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


def main(folders: list[str]) -> None:
    """Prints one file a line."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("test_*.py")):
            if not needs_cloud(file, set()):
                print(file.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
