"""A teacher is tried on rows with known answers before it makes any, and the cost of making is known before."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.openai_server import Answer, Answers, error
from tests.scripted_teacher import Script
from tests.unit.synthesis.generation_play import (
    CARD,
    KEYWORDS,
    RATING,
    ROUTING,
    SUMMARY,
    TASKS,
    passages_of,
    quick,
    rows_of,
    teacher,
)

from anytasktune.llm import expected_cost
from anytasktune.schema import Example, Feasibility, Task
from anytasktune.settings import TeacherConfig
from anytasktune.synthesis import expected_feasibility, expected_questions, generate, measure_feasibility, tried_rows


def known_of(task: Task, count: int = 12) -> list[Example]:
    return [*rows_of(task, count), *rows_of(task, count, "zh")]


def knowing(task: Task, wrong: int = 0, of: int = 1) -> Answers:
    """A teacher that knows every row, and answers `wrong` of `of` with something else of the right form."""
    rows = {row.input: row for row in known_of(task)}

    def answers(body: dict[str, Any]) -> Answer:
        asked = body["messages"][-1]["content"].removeprefix("<<<\n").removesuffix("\n>>>")
        row = rows[asked]
        number = list(rows).index(asked)
        language = row.language or "en"
        others = [other.output for other in rows_of(task, 3, language) if other.output != row.output]
        output = others[0] if number % of < wrong else row.output
        return json.dumps({"answer": task.output.to_json(output, language)}, ensure_ascii=False)

    return answers


def tried(answers: Answers | Script, task: Task, folder: Path, **settings: Any) -> Feasibility:
    with teacher(answers, folder) as (asker, _):
        return measure_feasibility(
            asker, task, known_of(task), quick(feasibility_rows=20) if not settings else quick(**settings)
        )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_teacher_that_knows_the_answers_may_go_on(task: Task, tmp_path: Path) -> None:
    found = tried(knowing(task), task, tmp_path)
    assert (found.score, found.decision, found.rows, found.wrong) == (1.0, "go", 20, [])
    assert found.by_language == {"en": 1.0, "zh": 1.0}
    assert found.low < 1.0, "twenty rows prove nothing for certain"
    assert (found.task, found.teacher, found.metric) == (task.name, "big", task.scored_by)


@pytest.mark.parametrize("task", [ROUTING, KEYWORDS, CARD], ids=lambda task: task.name)
def test_a_teacher_that_is_always_wrong_is_stopped_and_what_it_got_wrong_is_shown(task: Task, tmp_path: Path) -> None:
    found = tried(knowing(task, wrong=1), task, tmp_path)
    assert found.decision == "stop"
    assert 0 < len(found.wrong) <= 8
    assert all("→" in line for line in found.wrong)


def test_a_teacher_near_the_threshold_is_neither_let_go_nor_stopped(tmp_path: Path) -> None:
    found = tried(knowing(ROUTING, wrong=2, of=5), ROUTING, tmp_path)
    assert 0.5 < found.score < 0.7 <= found.high
    assert found.decision == "unsure"


def test_free_text_is_not_judged_by_overlap_alone(tmp_path: Path) -> None:
    names = [row.input.split()[0] for row in rows_of(SUMMARY)]
    rows = [
        Example(input=f"{name} wrote to us today.", output=f"{name} x{number} y{number}") for number, name in enumerate(names)
    ]

    def answers(body: dict[str, Any]) -> Answer:
        return json.dumps({"answer": f"{body['messages'][-1]['content'].split()[1]} is still waiting for a reply"})

    with teacher(answers, tmp_path / "good") as (asker, _):
        found = measure_feasibility(asker, SUMMARY, rows, quick(feasibility_rows=12))
    assert found.score < 0.3
    assert found.decision == "unsure"
    with teacher(lambda _: json.dumps({"answer": "Hm."}), tmp_path / "bad") as (asker, _):
        found = measure_feasibility(asker, SUMMARY, rows_of(SUMMARY), quick(feasibility_rows=12))
    assert found.constant_baseline > 0.5
    assert found.decision == "stop", "one of the two answers for all rows would do better"


def test_a_number_task_scores_how_near_the_answers_are(tmp_path: Path) -> None:
    with teacher(lambda _: json.dumps({"answer": 3}), tmp_path) as (asker, _):
        found = measure_feasibility(asker, RATING, rows_of(RATING, 12), quick(feasibility_rows=12))
    assert found.score == pytest.approx(1 - 1.0 / 4)
    assert found.score == pytest.approx(found.constant_baseline), "the same answer for everything is no skill"


def test_a_teacher_that_answers_nothing_of_use_scores_nothing(tmp_path: Path) -> None:
    found = tried(lambda _: "I cannot help with that.", ROUTING, tmp_path)
    assert (found.score, found.decision, found.rows) == (0.0, "stop", 20)


def test_rows_the_server_does_not_answer_do_not_count(tmp_path: Path) -> None:
    known = knowing(ROUTING)

    def answers(body: dict[str, Any]) -> Answer:
        return error(400, "no such text") if "包裹" in body["messages"][-1]["content"] else known(body)

    found = tried(answers, ROUTING, tmp_path)
    assert found.unanswered > 0
    assert found.rows + found.unanswered == 20
    assert found.score == 1.0


def test_the_row_it_is_tried_on_is_never_shown_to_it_nor_one_of_its_kind(tmp_path: Path) -> None:
    rows = rows_of(ROUTING, 6)
    rows += [row.model_copy(update={"input": row.input + " Thanks."}) for row in rows]
    rows += [Example(input=f"Another message of dialogue {number}", output="repair", source="d") for number in range(3)]
    with teacher(lambda _: json.dumps({"answer": "repair"}), tmp_path) as (asker, served):
        measure_feasibility(asker, ROUTING, rows, quick(feasibility_rows=15, shots=8))
    for body in served.bodies:
        *shown, asked = (message["content"] for message in body["messages"] if message["role"] == "user")
        text = asked.removeprefix("<<<\n").removesuffix("\n>>>")
        assert not any(text.removesuffix(" Thanks.") in other for other in shown)
        assert not ("of dialogue" in text and any("of dialogue" in other for other in shown))


def test_only_train_rows_are_shown(tmp_path: Path) -> None:
    train, dev = rows_of(ROUTING, 6), rows_of(ROUTING, 6, start=6)
    with teacher(lambda _: json.dumps({"answer": "repair"}), tmp_path) as (asker, served):
        measure_feasibility(asker, ROUTING, [*train, *dev], quick(feasibility_rows=12, shots=8), train)
    for body in served.bodies:
        before = "".join(message["content"] for message in body["messages"][:-1])
        assert not any(row.input in before for row in dev)


def test_rows_are_chosen_evenly_among_answers_and_languages_and_always_the_same() -> None:
    rows = [Example(input=f"x{number}", output="billing", language="en") for number in range(50)] + known_of(ROUTING)
    chosen = tried_rows(ROUTING, rows, quick(feasibility_rows=12))
    assert sorted(row.output for row in chosen if row.language == "en") == sorted(["billing", "delivery", "repair"] * 2)
    assert sum(row.language == "zh" for row in chosen) == 6
    assert chosen == tried_rows(ROUTING, list(rows), quick(feasibility_rows=12))


def test_the_same_trial_has_the_same_id_and_another_one_another(tmp_path: Path) -> None:
    first, second = (tried(knowing(ROUTING), ROUTING, tmp_path / name) for name in "ab")
    assert first == second
    assert tried(knowing(ROUTING), ROUTING, tmp_path / "c", feasibility_rows=19).id != first.id


def test_without_rows_nothing_is_known(tmp_path: Path) -> None:
    with teacher(None, tmp_path) as (asker, served):
        found = measure_feasibility(asker, ROUTING, [], quick())
    assert (found.rows, found.decision, served.bodies) == (0, "unsure", [])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_what_is_asked_was_expected_if_every_answer_is_of_use(task: Task, tmp_path: Path) -> None:
    config = quick(rows=8, inputs_from=["example", "task_only"], samples=2)
    seeds = known_of(task, 8)
    expected = list(expected_questions(task, ["en", "zh"], seeds, [], config))
    with teacher(Script(), tmp_path) as (asker, served):
        found = generate(asker, task, ["en", "zh"], seeds, [], config)
        usage = asker.usage
    unusable = sum(failure.reason != "answers_disagree" for failure in found.failed)
    assert len(expected) <= len(served.bodies) + 2 * unusable
    assert len(served.bodies) <= len(expected) + 4 * unusable + 4
    assert sum(one.prompt for one in expected) == pytest.approx(usage.prompt_tokens, rel=0.5)


def test_the_cost_of_many_rows_is_known_at_once() -> None:
    config = quick(rows=20_000, inputs_from=["passage", "example", "task_only"], samples=2)
    teacher_config = TeacherConfig(name="big", price_in=1.0, price_out=2.0)
    expected = expected_cost(expected_questions(ROUTING, ["en"], rows_of(ROUTING), passages_of("en"), config), teacher_config)
    assert expected.requests == pytest.approx(20_000 * 2 + 20_000 / 4 + 10 + 3, abs=5)
    assert expected.likely_cost is not None
    assert 1 < expected.likely_cost < 100


def test_a_trial_is_one_question_per_row() -> None:
    rows, config = known_of(ROUTING), quick(feasibility_rows=7)
    assert len(list(expected_feasibility(ROUTING, rows, tried_rows(ROUTING, rows, config), config))) == 7
