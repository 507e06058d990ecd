"""Gates: what a row or a data set must pass before it may teach."""

from anytasktune.quality.gate import GateContext, Placed
from anytasktune.quality.gates import GATES, Gated, apply_judge, run_gates
from anytasktune.quality.preflight import Preflight, Room, TokenView, preflight, view_tokens

__all__ = [
    "GATES",
    "GateContext",
    "Gated",
    "Placed",
    "Preflight",
    "Room",
    "TokenView",
    "apply_judge",
    "preflight",
    "run_gates",
    "view_tokens",
]
