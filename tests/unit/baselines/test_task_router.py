"""The router of a pool: which task an input is for, and when it chooses none."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.baselines.task_router import TaskRouter, router_id
from anytasktune.errors import DamagedError, DataError
from anytasktune.schema import Example

WORDS = {
    "tenancy": "landlord deposit rent heating lease 押金 房东 租金 漏水",
    "payroll": "boss wage overtime bonus dismissal 老板 工资 加班 解雇",
    "marriage": "divorce custody child school spouse 离婚 抚养 孩子 学校",
}
STRANGE = ("bake the bread at 220 degrees", "今天股市大幅上涨", "SELECT id FROM birds", "zzz qqq xxx")


def inputs(task: str, count: int, start: int = 0, words: str = "") -> list[Example]:
    rows = []
    for number in range(start, start + count):
        drawn = random.Random(f"{task} {number}").choices((words or WORDS[task]).split(), k=6)
        text = f"第{number}件：{' '.join(drawn)}" if number % 3 == 2 else f"matter {number}: {' '.join(drawn)}"
        rows.append(Example(input=text, output="-", language="zh" if number % 3 == 2 else "en"))
    return rows


def pool(count: int, start: int = 0) -> dict[str, list[Example]]:
    return {task: inputs(task, count, start) for task in WORDS}


@pytest.fixture(scope="module")
def router() -> TaskRouter:
    return TaskRouter.learn(pool(40), pool(15, 1000))


def test_inputs_go_to_their_task_in_either_language(router: TaskRouter) -> None:
    for task, rows in pool(12, 2000).items():
        routes = router.routes([row.input for row in rows])
        assert [route.task for route in routes if route.task] == [task] * sum(route.task is not None for route in routes)
        assert sum(route.task == task for route in routes) >= 10
        assert all(next(iter(route.probabilities)) == task for route in routes)


def test_an_input_unlike_the_whole_pool_goes_to_no_task(router: TaskRouter) -> None:
    routes = router.routes(STRANGE)
    assert [(route.task, route.abstained) for route in routes] == [(None, "unlike_pool")] * len(STRANGE)
    assert router.manifest.least_likeness is not None
    assert all((route.likeness or 0) < router.manifest.least_likeness for route in routes)


def test_tasks_that_read_the_same_inputs_are_not_told_apart() -> None:
    shared = WORDS["tenancy"]
    train = {task: inputs(task, 60, words=shared) for task in ("first", "second")}
    router = TaskRouter.learn(train, {task: inputs(task, 40, 1000, shared) for task in train})
    routes = router.routes([row.input for row in inputs("third", 30, 2000, shared)])
    assert sum(route.task is None for route in routes) >= 15


@pytest.mark.parametrize(
    ("count", "dev", "chosen_on", "knows"), [(40, 15, "dev", True), (40, 1, "train", True), (4, 0, "train", False)]
)
def test_thresholds_are_chosen_on_dev_or_by_cross_validation(count: int, dev: int, chosen_on: str, knows: bool) -> None:
    router = TaskRouter.learn(pool(count), pool(dev, 1000))
    manifest = router.manifest
    assert manifest.chosen_on == chosen_on
    assert manifest.threshold.dev_rows == 3 * (dev if chosen_on == "dev" else count)
    assert (manifest.least_likeness is not None) is knows
    assert (router.routes(["bake the bread"])[0].abstained is not None) is knows


def test_it_is_kept_as_arrays_and_answers_the_same(router: TaskRouter, tmp_path: Path) -> None:
    router.save(tmp_path / "router")
    texts = [row.input for rows in pool(5, 3000).values() for row in rows]
    assert TaskRouter.load(tmp_path / "router").routes(texts) == router.routes(texts)
    assert {path.suffix for path in (tmp_path / "router").rglob("*") if path.is_file()} == {".json", ".safetensors", ""}
    arrays = tmp_path / "router" / "linear" / "linear.safetensors"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedError):
        TaskRouter.load(tmp_path / "router")


def test_equal_rows_have_an_equal_name_and_order_does_not_count_in_what_is_learned(router: TaskRouter) -> None:
    assert router_id(pool(40), pool(15, 1000)) == router.manifest.id
    assert router_id(pool(40), pool(14, 1000)) != router.manifest.id
    turned = {task: rows[::-1] for task, rows in pool(40).items()}
    texts = [row.input for row in inputs("payroll", 5, 4000)]
    assert TaskRouter.learn(turned, pool(15, 1000)).routes(texts) == router.routes(texts)


def test_one_task_is_nothing_to_choose_from() -> None:
    with pytest.raises(DataError, match="fewer than two tasks"):
        TaskRouter.learn({"tenancy": inputs("tenancy", 10), "payroll": []}, {})


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_text_has_a_route(router: TaskRouter, text: str) -> None:
    (route,) = router.routes([text])
    assert sum(route.probabilities.values()) == pytest.approx(1, abs=1e-4)
    assert (route.task is None) is (route.abstained is not None)
    assert route.task in {None, *WORDS}


def test_a_long_text_is_routed_by_its_beginning(router: TaskRouter) -> None:
    beginning = "landlord deposit rent heating lease " * 300
    (route,) = router.routes([beginning + "boss wage overtime " * 20_000])
    assert next(iter(route.probabilities)) == "tenancy"


def test_tasks_with_the_same_words_are_told_apart_by_the_shape_of_their_inputs() -> None:
    def rows(task: str, count: int, start: int = 0) -> list[Example]:
        plain = inputs("tenancy", count, start)
        questions = [
            row.model_copy(update={"input": f"{row.input.replace(' ', chr(10))}?"})
            for row in inputs("x", count, start, WORDS["tenancy"])
        ]
        return questions if task == "questions" else plain

    router = TaskRouter.learn({task: rows(task, 60) for task in ("reports", "questions")}, {})
    for task in ("reports", "questions"):
        routes = router.routes([row.input for row in rows(task, 20, 1000)])
        assert sum(route.task == task for route in routes) >= 17
