"""Runs the benchmarks and writes `var/bench.json`: [{name, value, unit, against, target, holds}].

Every `tests/bench/bench_*.py` has a function `rows()` that measures and yields `Row`s; a ratio's two sides are
measured side by side in one run. Usage: python -m tests.bench [PART OF A FILE NAME ...]
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

from tests.bench.row import Row

HERE = Path(__file__).parent
SOAK = "bench_soak"
RESULT = HERE.parent.parent / "var" / "bench.json"


def chosen_modules(parts: list[str]) -> list[str]:
    """Names of the benchmark modules whose file name holds one of `parts`; without any, all but the soak, which lasts."""
    names = sorted(path.stem for path in HERE.glob("bench_*.py"))
    return [name for name in names if (any(part in name for part in parts) if parts else name != SOAK)]


def measure(names: list[str]) -> list[Row]:
    """The rows of these modules, one after the other: nothing else should run meanwhile."""
    rows: list[Row] = []
    for name in names:
        began = time.monotonic()
        print(f"{name}: load average {os.getloadavg()[0]:.2f}", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"tests.bench.{name}").rows()
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return rows


def table(rows: list[Row]) -> str:
    """The rows for people."""
    lines = [("what", "value", "unit", "target", "", "against")]
    for row in rows:
        lines.append((row.name, row.shown(row.value), row.unit, row.goal(), row.mark(), row.against))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def main(parts: list[str]) -> int:
    """Measures, prints, writes. A missed target is said, and is no failure: speed is measured, not tested."""
    rows = measure(chosen_modules(parts))
    print(table(rows))
    if parts:
        print(
            f"a part alone: {RESULT.name} is written when everything was measured in one run", file=sys.stderr
        )
    else:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps([row.to_json() for row in rows], indent=2, ensure_ascii=False) + "\n")
    missed = [row.name for row in rows if row.holds is False]
    if missed:
        print(f"target missed: {'; '.join(missed)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
