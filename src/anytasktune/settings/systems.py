"""The systems that answer the rows of a task: the program's own, and general models they are compared with."""

from typing import Annotated, Literal, get_args

from pydantic import Field

OwnSystem = Literal["constant", "nearest", "linear", "base", "few_shot", "tuned", "action", "mixed"]
OWN_SYSTEMS: tuple[OwnSystem, ...] = get_args(OwnSystem)
_ZERO_SHOT, _FEW_SHOT = "general:", "general_few_shot:"
_PATTERN = rf"^(?:(?:{'|'.join(OWN_SYSTEMS)})|(?:{_ZERO_SHOT}|{_FEW_SHOT})\S.{{0,199}})$"
System = Annotated[str, Field(pattern=_PATTERN)]
"""An own system by its name, or a general model: `general:MODEL` without examples, `general_few_shot:MODEL` with some."""
SIMPLE: tuple[OwnSystem, ...] = ("constant", "nearest", "linear")
"""The systems without a language model: one answer for all rows, that of the most similar training row, a linear model."""
TASK_LMS: tuple[OwnSystem, ...] = ("tuned", "action", "mixed")
"""The systems with an adapter, by what it was trained on: the task alone, the steps of an action, all tasks of the pool."""


def general_system(model: str, *, few_shot: bool) -> System:
    """The system that is this general model, asked with or without examples."""
    return f"{_FEW_SHOT if few_shot else _ZERO_SHOT}{model}"


def general_model(system: System) -> str | None:
    """The name of the general model that a system is; None for an own system."""
    for prefix in (_ZERO_SHOT, _FEW_SHOT):
        if system.startswith(prefix):
            return system.removeprefix(prefix)
    return None


def is_shown_examples(system: System) -> bool:
    """Whether a system is a general model that is shown examples."""
    return system.startswith(_FEW_SHOT)


def in_report_order(system: System) -> tuple[int, str, bool]:
    """The key that puts systems in the order of a report: simple baselines, the base, general models, Task-LMs."""
    model = general_model(system)
    if model is not None:
        return OWN_SYSTEMS.index("tuned"), model, is_shown_examples(system)
    place = OWN_SYSTEMS.index(next(own for own in OWN_SYSTEMS if own == system))
    return (place + 1 if system in TASK_LMS else place), "", False
