"""Rows of past work, mixed, and sorted into tasks again."""

import json
from collections import Counter

import pytest

from anytasktune.outputs import LabelsOutput, NumberOutput, Rules
from anytasktune.packs import pack_files
from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.tasks.build_tasks import build_pool
from anytasktune.tasks.clustering import chains, cluster_examples
from anytasktune.tasks.from_examples import draft_from_examples
from anytasktune.tasks.infer_output import infer_output


def rows(pairs: list[tuple[str, str]], language: Language | None = "en") -> list[Example]:
    return [Example(input=text, output=answer, language=language) for text, answer in pairs]


def mixed_pack(pack: str, language: Language) -> dict[str, str]:
    """Row id → task, for all training rows of a pack in one language."""
    home: dict[str, str] = {}
    for path, content in pack_files(pack).items():
        if path.startswith("data/") and path.endswith("train.jsonl"):
            for line in content.decode().splitlines():
                row = Example.model_validate({key: value for key, value in json.loads(line).items() if key != "source"})
                if row.language == language:
                    home[row.id] = path.split("/")[1]
                    PACK_ROWS[row.id] = row
    return home


PACK_ROWS: dict[str, Example] = {}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("pack", ["law", "finance", "human_resources", "consumer_services", "healthcare"])
def test_the_mixed_rows_of_a_pack_fall_apart_into_its_tasks(pack: str, language: Language) -> None:
    home = mixed_pack(pack, language)
    tasks, left = cluster_examples([PACK_ROWS[identity] for identity in home])
    found = [Counter(home[row.id] for row in task) for task in tasks]
    assert len(tasks) == len(set(home.values()))
    assert sum(max(counts.values()) for counts in found) >= 0.95 * len(home)
    assert len(left) <= 0.05 * len(home)


LOANS = [(f"Please extend my book number {n}, it is due on Friday.", "loan") for n in range(6)]
SEARCHES = [(f"Do you have the atlas of volume {n}?", "search") for n in range(6)]
OTHERS = [(f"Is the reading room open on day {n}?", "other") for n in range(6)]


def test_repeated_answers_are_labels() -> None:
    output, _ = infer_output(rows(LOANS + SEARCHES + OTHERS))
    assert output.kind == "label"
    assert set(output.labels_in("en") or ()) == {"loan", "search", "other"}


def test_two_label_tasks_on_the_same_inputs_are_told_apart() -> None:
    urgent = [(text, "today" if number % 2 else "later") for number, (text, _) in enumerate(LOANS + SEARCHES)]
    tasks, left = cluster_examples(rows(LOANS + SEARCHES + urgent))
    assert left == []
    assert sorted(sorted({row.output for row in task}) for task in tasks) == [["later", "today"], ["loan", "search"]]


SIX = {
    "loan": "Please extend my book number {n}, it is due on Friday.",
    "search": "Do you have the atlas of volume {n}?",
    "hours": "When is the reading room open on day {n}?",
    "card": "I lost my card with number {n} in the tram",
    "fee": "The fee of {n} euros is too high, I want it back!",
    "praise": "Thank you for finding {n} letters of my grandmother, you are wonderful and I will come again",
}


@pytest.mark.parametrize("repeats", [5, 9, 40])
def test_one_column_of_six_classes_stays_one_task(repeats: int) -> None:
    pairs = [(text.format(n=n), label) for n in range(repeats) for label, text in SIX.items()]
    tasks, left = cluster_examples(rows(pairs))
    assert ([len(task) for task in tasks], left) == ([6 * repeats], [])


@pytest.mark.parametrize(
    "odd",
    [
        [("How many books have you got?", "count")],
        [(SIX["loan"].format(n=0), "card"), (SIX["fee"].format(n=1), "praise"), (SIX["loan"].format(n=2), "card")],
        [(f"Who wrote the letter in room {n}?", "authorship_of_letters_and_other_papers_in_reading_rooms") for n in range(12)],
    ],
    ids=["a class that occurs once", "inputs answered twice by mistake", "a long name of a class"],
)
def test_odd_rows_of_a_column_do_not_break_it_into_two_tasks(odd: list[tuple[str, str]]) -> None:
    pairs = [(text.format(n=n), label) for n in range(12) for label, text in SIX.items()]
    tasks, left = cluster_examples(rows([*pairs, *odd]))
    assert ([len(task) for task in tasks], left) == ([len(pairs) + len(odd)], [])


def test_json_whose_keys_vary_from_row_to_row_is_one_task() -> None:
    kinds = ("person", "place", "date", "sum")
    answers = [{kind: ["x"] for place, kind in enumerate(kinds) if n >> place & 1} for n in range(16)]
    tasks, left = cluster_examples(rows([(f"text {n}", json.dumps(answer)) for n, answer in enumerate(answers)]))
    assert ([len(task) for task in tasks], left) == ([16], [])


def test_numbers_give_their_range() -> None:
    output, _ = infer_output(rows([("fine", "4.5"), ("bad", "1"), ("good", "5"), ("so so", "3")]))
    assert output == NumberOutput(kind="number", minimum=1, maximum=5, decimals=1)


def test_lists_give_separator_counts_and_whether_they_are_copied() -> None:
    pairs = [("a red car and a bike", "red car; bike"), ("a boat, a kite, a ball", "boat; kite; ball"), ("one lamp", "lamp")]
    output, rules = infer_output(rows([(text, answer) for text, answer in pairs]))
    assert output == LabelsOutput(kind="labels", separator="; ")
    assert rules == Rules(min_items=1, max_items=3, copies_from_input=True)


def test_json_gives_keys_types_and_what_is_always_there() -> None:
    answers = [
        {"title": f"Book {n}", "year": None if n % 2 else 1900 + n, "kind": "atlas" if n % 3 else "novel"} for n in range(24)
    ]
    for number, answer in enumerate(answers):
        if number % 4 == 0:
            del answer["year"]
    output, _ = infer_output(rows([(f"text {n}", json.dumps(answer)) for n, answer in enumerate(answers)]))
    schema = output.model_dump()["json_schema"]
    assert schema["required"] == ["title", "kind"]
    assert schema["properties"]["year"]["type"] == ["integer", "null"]
    assert schema["properties"]["kind"] == {"enum": ["atlas", "novel"]}
    assert schema["additionalProperties"] is False


def test_texts_give_a_length_and_lines() -> None:
    output, rules = infer_output(rows([("x", "First line here.\nSecond one."), ("y", "One.\nTwo.\nThree.")]))
    assert (output.kind, rules) == ("text", Rules(min_items=2, max_items=3, max_length=50))


def test_a_task_whose_inputs_are_anothers_outputs_goes_on_from_it() -> None:
    facts = [
        (f"My card {n} was lost in the reading room on day {n}", json.dumps({"thing": f"card {n}", "day": n})) for n in range(8)
    ]
    replies = [(answer, f"We are sorry about that. A new card {n} is ready for you.") for n, (_, answer) in enumerate(facts)]
    tasks, _ = cluster_examples(rows(facts + replies))
    (chain,) = chains(tasks)
    assert [infer_output(tasks[number])[0].kind for number in chain] == ["json", "text"]
    pool = build_pool(draft_from_examples(rows(facts + replies))[0])
    (action,) = pool.actions.values()
    assert [pool.tasks[step].task.input_from for step in action.steps] == [None, "fill_thing_day"]


def test_too_few_rows_make_no_task() -> None:
    tasks, left = cluster_examples(rows([("a", "1"), ("b", "2")]))
    assert (tasks, len(left)) == ([], 2)


def test_remarks_say_where_a_task_comes_from_and_hold_no_personal_data() -> None:
    pairs = [(f"ring me on 1381234567{n}", f"Ring back {n}, please, it is urgent.") for n in range(6)]
    pool = build_pool(draft_from_examples(rows(pairs))[0])
    (drafted,) = pool.tasks.values()
    assert drafted.remarks[0] == "found in 6 rows of past work, e.g. …"
    assert any(remark.startswith("left open: how it is done") for remark in drafted.remarks)


def test_rows_in_two_languages_give_instructions_in_both() -> None:
    chinese = [(f"请续借第{n}本书", "loan") for n in range(6)] + [(f"有没有第{n}册地图集？", "search") for n in range(6)]
    pool = build_pool(draft_from_examples([*rows(LOANS + SEARCHES), *rows(chinese, None)])[0])
    (drafted,) = pool.tasks.values()
    assert set(drafted.task.instruction) == {"en", "zh"}
    assert drafted.task.labels_in("zh") == drafted.task.labels_in("en")


def test_the_same_rows_in_another_order_give_the_same_tasks() -> None:
    first = build_pool(draft_from_examples(rows(LOANS + SEARCHES + OTHERS))[0])
    second = build_pool(draft_from_examples(rows(OTHERS + LOANS[::-1] + SEARCHES))[0])
    assert list(first.tasks) == list(second.tasks) == ["choose_loan_other"]
