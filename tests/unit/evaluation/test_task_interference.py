"""Every model on every task: what is compared with what, the corrections, and what is advised."""

import pytest
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests
from tests.unit.evaluation.report_builders import CONFIG, LABELS, examples_of, scored_by, task_with, wrong_after

from anytasktune.evaluation.task_interference import MatrixTask, build_matrix
from anytasktune.outputs import NumberOutput, Output
from anytasktune.schema.task_matrix import BASE_MODEL, MatrixModel, TaskMatrix

REFERENCES = ["租金", "押金", "other"] * 20
MODELS = [
    MatrixModel(target=BASE_MODEL, system="base"),
    MatrixModel(target="topic", system="tuned", learned=["topic"]),
    MatrixModel(target="names", system="tuned", learned=["names"]),
    MatrixModel(target="mixed-pool", system="mixed", learned=["topic", "names"]),
]


def answered(name: str, right: dict[str, int], output: Output = LABELS, references: list[str] = REFERENCES) -> MatrixTask:
    """A task of 60 rows, of which each model answers the first so many rightly."""
    task, rows = task_with(output, name), examples_of(references)
    systems = {model.target: model.system for model in MODELS}
    wrong = "2" if output.kind == "number" else "x"
    scored = {
        target: scored_by(task, rows, {systems[target]: wrong_after(references, count, wrong)})[0]
        for target, count in right.items()
    }
    return MatrixTask(task, rows, scored)


def matrix_of(topic: dict[str, int], names: dict[str, int]) -> TaskMatrix:
    return build_matrix(MODELS, [answered("topic", topic), answered("names", names)], CONFIG)


HELPS_ONE_HARMS_THE_OTHER = (
    {"": 10, "topic": 30, "names": 25, "mixed-pool": 50},
    {"": 40, "topic": 12, "names": 55, "mixed-pool": 30},
)


def test_what_gains_from_learning_together_and_what_loses_is_told_apart() -> None:
    (joint,) = matrix_of(*HELPS_ONE_HARMS_THE_OTHER).joint
    assert (joint.target, joint.gains, joint.losses, joint.undecided) == ("mixed-pool", ["topic"], ["names"], [])


def test_where_nothing_can_be_told_nothing_is_advised() -> None:
    (joint,) = matrix_of(
        {"": 10, "topic": 30, "names": 10, "mixed-pool": 33}, {"": 10, "topic": 10, "names": 30, "mixed-pool": 28}
    ).joint
    assert (joint.gains, joint.losses, joint.undecided) == ([], [], ["topic", "names"])


def test_p_values_are_exact_and_corrected_within_their_family() -> None:
    matrix = matrix_of(*HELPS_ONE_HARMS_THE_OTHER)
    families = {
        "together against own": ([("mixed-pool", "topic", 20), ("mixed-pool", "names", 25)], "against_own"),
        "not learned against own": (
            [("", "topic", 20), ("", "names", 15), ("topic", "names", 43), ("names", "topic", 5)],
            "against_own",
        ),
        "not learned against base": ([("topic", "names", 28), ("names", "topic", 15)], "against_base"),
    }
    for entries, field in families.values():
        raw = [binomtest(0, different, 0.5).pvalue for _, _, different in entries]  # one answer set contains the other
        expected = multipletests(raw, method="holm")[1]
        for (target, task, _), single, corrected in zip(entries, raw, expected, strict=True):
            cell = matrix.cell(target, task)
            assert cell is not None
            found = getattr(cell, field)
            assert found.p_value == pytest.approx(single, abs=1e-9)
            assert found.p_holm == pytest.approx(corrected, abs=1e-9)


def test_the_base_model_and_other_tasks_are_compared_where_a_task_was_not_learned_only() -> None:
    matrix = matrix_of(*HELPS_ONE_HARMS_THE_OTHER)
    compared = {
        (cell.target, cell.task): (cell.against_own is not None, cell.against_base is not None) for cell in matrix.cells
    }
    assert compared == {
        ("", "topic"): (True, False),
        ("", "names"): (True, False),
        ("topic", "topic"): (False, False),
        ("topic", "names"): (True, True),
        ("names", "topic"): (True, True),
        ("names", "names"): (False, False),
        ("mixed-pool", "topic"): (True, False),
        ("mixed-pool", "names"): (True, False),
    }


def test_a_lower_error_is_a_gain() -> None:
    numbers = NumberOutput(kind="number", minimum=1, maximum=7)
    right = {"": 5, "names": 5, "topic": 20, "mixed-pool": 55}
    error = answered("topic", right, numbers, ["5"] * 60)
    (joint,) = build_matrix(MODELS, [error], CONFIG).joint
    assert joint.gains == ["topic"]
    cell = build_matrix(MODELS, [error], CONFIG).cell("mixed-pool", "topic")
    assert cell is not None
    assert cell.against_own is not None
    assert cell.against_own.difference.value == pytest.approx(-35 * 3 / 60)


def test_a_task_without_a_task_lm_of_its_own_is_scored_and_not_compared() -> None:
    matrix = build_matrix(MODELS, [answered("topic", {"": 10, "names": 25, "mixed-pool": 40})], CONFIG)
    assert [cell.against_own for cell in matrix.cells] == [None, None, None]
    assert matrix.joint == []
