"""What a benchmark answers: its own figure beside that of a reference, taken in the same run."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. `ratio` and `goal` are of value to reference, turned so that above 1 means ours is better."""

    name: str
    size: str
    value: float
    unit: str
    reference: float
    reference_name: str
    ratio: float
    goal: float

    def row(self) -> dict[str, Any]:
        """Answer the figure as one object, rounded, with the verdict."""
        return {
            "name": self.name,
            "size": self.size,
            "value": round(self.value, 2),
            "unit": self.unit,
            "reference": round(self.reference, 2),
            "reference_name": self.reference_name,
            "ratio": round(self.ratio, 4),
            "goal": self.goal,
            "ok": self.ratio >= self.goal,
        }
