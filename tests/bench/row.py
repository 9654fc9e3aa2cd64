"""One line of the benchmark table."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """What was measured: `value` in `unit`, `against` what (in words), and the `target`.

    `better` says on which side of the target the value should be; `target` None is for orientation only.
    """

    name: str
    value: float
    unit: str
    against: str = ""
    target: float | None = None
    better: str = "lower"  # or "higher"

    def __post_init__(self) -> None:
        if self.better not in ("lower", "higher"):
            raise ValueError(f"benchmark {self.name}: better is lower or higher, not {self.better}")

    @property
    def holds(self) -> bool | None:
        """Whether the target is reached; None without a target."""
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    def to_json(self) -> dict[str, Any]:
        """The row as var/bench.json has it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "against": self.against,
            "target": self.target,
            "holds": self.holds,
        }

    def goal(self) -> str:
        """The target in words."""
        sign = "≤" if self.better == "lower" else "≥"
        return "" if self.target is None else f"{sign} {self.shown(self.target)}"

    def mark(self) -> str:
        """Whether it holds, in a word."""
        return {None: "", True: "holds", False: "MISSED"}[self.holds]

    @staticmethod
    def shown(number: float) -> str:
        """Three significant digits, thousands apart."""
        return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"
