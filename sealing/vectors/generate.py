"""Writes the vectors: `python -m sealing.vectors.generate`, or with `--check` says whether the files are what it would write."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sealing.vectors import basics, footage

HERE: Final = Path(__file__).parent
FILES: Final[dict[str, Callable[[], list[dict[str, Any]]]]] = {
    "canonical": basics.canonical,
    "cose": basics.cose,
    "merkle": basics.merkle,
    "parts": basics.parts,
    "keys": basics.keys,
    "envelopes": basics.envelopes,
    "records": footage.records,
    "chains": footage.chains,
    "statements": footage.statements,
    "index": footage.indexes,
    "segments": footage.segments,
    "motion": footage.motion,
    "live": footage.live,
}
_SAFE: Final = (1 << 53) - 1


def exact(value: Any) -> Any:
    """Integers a JavaScript number cannot hold become decimal strings."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE:
        return str(value)
    return value


def text_of(name: str) -> str:
    """The content of the file `name`."""
    vectors = exact(FILES[name]())
    names = [vector["name"] for vector in vectors]
    if len(set(names)) != len(names):
        raise AssertionError(f"{name}: two vectors have one name")
    lines = ",\n".join(json.dumps(vector, ensure_ascii=False) for vector in vectors)
    return f'{{"format": "vsaas-vectors-v1", "vectors": [\n{lines}\n]}}\n'


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the vectors of the sealed footage format.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    check = parser.parse_args().check
    differing = []
    for name in FILES:
        path, text = HERE / f"{name}.json", text_of(name)
        if check and (not path.exists() or path.read_text() != text):
            differing.append(path.name)
        elif not check:
            path.write_text(text)
    if differing:
        sys.stderr.write(f"not what the generator writes: {', '.join(differing)}\n")
    return 1 if differing else 0


if __name__ == "__main__":
    raise SystemExit(main())
