"""Gates: the checks a candidate must pass before it becomes a row."""

from anytasktune.gates.gate import GateContext, Placed
from anytasktune.gates.run_gates import GATES, Gated, apply_judge, run_gates

__all__ = [
    "GATES",
    "GateContext",
    "Gated",
    "Placed",
    "apply_judge",
    "run_gates",
]
