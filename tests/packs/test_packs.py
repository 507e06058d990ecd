"""The six packs keep what is promised of them. Every message names file and row.

Bounds:

    rows                  at least 40 to train and 20 to test, per task and language
    near-duplicates       at most 2 % of the inputs of a task and language are similar (0.7) to an earlier one
    test and train        no test input is similar (0.5) to a train input of its task and language
    labels                in train, per language: each label from half to twice an even share; in test: each label at all
    other closed answers  no answer is the right one of more than half of the rows of a task and language
    variety               distinct-2 of the inputs at least the mean of the real tasks of the same kind and language
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

import pytest
from tests.packs.pack_rows import LANGUAGES, Pack, Row, bench_folder, read_pack, spoken_words

from anytasktune.datasets import check_row
from anytasktune.outputs import LabelOutput, LabelsOutput
from anytasktune.packs import pack_files, pack_names
from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.scorers import explain_rules
from anytasktune.similarity import group_similar, match_similar
from anytasktune.tasks import PlacedRow, check_pool
from anytasktune.tasks.row_checks import broken_as_hand_over
from anytasktune.text.personal_data import find_personal_data
from anytasktune.text.scripts import HAN, is_in_script, tokens

SIX = ("consumer_services", "finance", "healthcare", "human_resources", "law", "psychology")
FEWEST_TASKS = 28
FEWEST_TRAIN, FEWEST_TEST = 40, 20
NEAR_DUPLICATE, MOST_NEAR_DUPLICATES = 0.7, 0.02
NEAR_TRAIN = 0.5
LEAST_SHARE, MOST_SHARE = 0.5, 2.0
MOST_OF_ONE_ANSWER = 0.5
MOST_BIGRAMS = 2000
BENCH_OF_KIND = {
    "label": {"classification"},
    "labels": {"classification", "extraction"},
    "json": {"extraction", "structured_generation"},
    "number": {"classification", "scoring"},
    "text": {"generation", "rewriting"},
}


@pytest.fixture(params=SIX)
def pack(request: pytest.FixtureRequest) -> Pack:
    return read_pack(request.param)


def per_language(pack: Pack) -> Iterator[tuple[Task, Language]]:
    return ((task, language) for task in pack.domain.tasks for language in LANGUAGES)


def with_rows(pack: Pack) -> Iterator[tuple[Task, Language, list[Row]]]:
    """Each task with its rows in each language; that there are enough is a test of its own."""
    found = ((task, language, pack.of(task, language)) for task, language in per_language(pack))
    return (entry for entry in found if entry[2])


def test_all_six_packs_have_at_least_28_tasks() -> None:
    assert set(SIX) <= set(pack_names())
    assert sum(len(read_pack(name).domain.tasks) for name in SIX) >= FEWEST_TASKS


@pytest.mark.parametrize("name", SIX)
def test_every_pack_has_a_card(name: str) -> None:
    assert pack_files(name)["CARD.md"].strip()


def test_every_task_has_enough_rows_in_both_languages(pack: Pack) -> None:
    counts = {
        f"{task.name} {language} {split}": len(pack.of(task, language, split))
        for task, language in per_language(pack)
        for split in ("train", "test")
    }
    fewest = {"train": FEWEST_TRAIN, "test": FEWEST_TEST}
    assert {name: count for name, count in counts.items() if count < fewest[name.split()[-1]]} == {}


def test_every_task_is_described_in_both_languages(pack: Pack) -> None:
    fields = ("title", "instruction", "limits", "done_by", "hands_over")
    missing = [
        f"domain.yaml: {task.name}.{field} has no {language}"
        for task, language in per_language(pack)
        for field in fields
        if not getattr(task, field).get(language, "").strip()
    ]
    missing += [f"domain.yaml: limits has no {language}" for language in LANGUAGES if not pack.domain.limits.get(language)]
    assert missing == []


def test_the_instruction_of_each_language_is_written_in_it(pack: Pack) -> None:
    wrong = [
        f"domain.yaml: {task.name}.instruction.{language}"
        for task, language in per_language(pack)
        if not is_in_script(task.instruction[language], language)
    ]
    assert wrong == []


def test_at_least_two_actions_chain_and_every_task_is_a_step(pack: Pack) -> None:
    chained = [
        action.name
        for action in pack.domain.actions
        if any(pack.domain.task(step).input_from in action.steps for step in action.steps)
    ]
    assert len(chained) >= 2
    steps = {step for action in pack.domain.actions for step in action.steps}
    assert [task.name for task in pack.domain.tasks if task.name not in steps] == []


def test_every_row_says_its_language_and_nothing_unknown(pack: Pack) -> None:
    known = {"input", "output", "language", "source"}
    assert [row.place for row in pack.rows if row.fields.get("language") not in LANGUAGES or set(row.fields) - known] == []


def test_every_row_passes_its_tasks_form_and_rules(pack: Pack) -> None:
    faults = []
    for row in pack.rows:
        if form := check_row(row.task, row.example):
            faults.append(f"{row.place}: {form}")
        faults += [f"{row.place}: {fault.what}" for fault in explain_rules(row.task, row.input, row.output, row.language)]
    assert faults == []


def test_every_row_is_written_in_its_language(pack: Pack) -> None:
    assert [f"{row.place}: {problem}" for row in pack.rows if (problem := _foreign(row))] == []


def _foreign(row: Row) -> str:
    if not is_in_script(spoken_words(row.input), row.language):
        return f"the input is not in {row.language}"
    if row.language == "en" and any(char not in row.input for char in re.findall(rf"[{HAN}]", row.output)):
        return "Chinese in an English answer"
    own = [word for word in row.answer_words.split() if word not in row.input]
    if row.language == "zh" and not is_in_script(" ".join(own), "zh"):
        return "the answer is not in Chinese"
    return ""


def test_hardly_any_input_is_nearly_another(pack: Pack) -> None:
    faults = []
    for _, _, rows in with_rows(pack):
        groups = group_similar([row.input for row in rows], NEAR_DUPLICATE)
        near = [
            f"{row.place} is near {rows[first].place}" for row, first in zip(rows, groups, strict=True) if rows[first] != row
        ]
        if len(near) > MOST_NEAR_DUPLICATES * len(rows):
            faults += near
    assert faults == []


def test_no_test_input_is_near_a_train_input(pack: Pack) -> None:
    faults = []
    for task, language in per_language(pack):
        test, train = pack.of(task, language, "test"), pack.of(task, language, "train")
        found = match_similar([row.input for row in test], [row.input for row in train], NEAR_TRAIN)
        faults += [
            f"{row.place} is near {train[other].place}" for row, other in zip(test, found, strict=True) if other is not None
        ]
    assert faults == []


def test_labels_are_balanced(pack: Pack) -> None:
    faults = []
    for task, language in per_language(pack):
        if isinstance(task.output, LabelOutput):
            faults += _label_faults(pack, task, language)
    assert faults == []


def _label_faults(pack: Pack, task: Task, language: Language) -> Iterator[str]:
    labels = task.labels_in(language) or []
    train = Counter(row.output for row in pack.of(task, language, "train"))
    test = Counter(row.output for row in pack.of(task, language, "test"))
    even = train.total() / len(labels)
    for label in labels:
        if not LEAST_SHARE * even <= train[label] <= MOST_SHARE * even:
            yield f"data/{task.name}/train.jsonl: {train[label]} {language} rows of {label!r}, an even share is {even:.1f}"
        if not test[label]:
            yield f"data/{task.name}/test.jsonl: no {language} row of {label!r}"


def test_every_label_of_a_closed_list_is_learnt(pack: Pack) -> None:
    faults = []
    for task, language in per_language(pack):
        if isinstance(task.output, LabelsOutput) and task.output.labels is not None:
            said = {item for row in pack.of(task, language, "train") for item in row.output.split(task.output.separator)}
            faults += [
                f"data/{task.name}/train.jsonl: no {language} row of {label!r}"
                for label in task.labels_in(language) or []
                if label not in said
            ]
    assert faults == []


def test_no_one_answer_is_right_most_of_the_time(pack: Pack) -> None:
    faults = []
    for task, language, rows in with_rows(pack):
        answer, times = Counter(row.output for row in rows).most_common(1)[0]
        if not isinstance(task.output, LabelOutput) and times > MOST_OF_ONE_ANSWER * len(rows):
            faults.append(f"data/{task.name}: {times} of {len(rows)} {language} rows answer {answer!r}")
    assert faults == []


def test_nothing_leads_to_a_person(pack: Pack) -> None:
    faults = [
        f"{row.place}: {found.kind} {found.text}"
        for row in pack.rows
        for found in find_personal_data(f"{row.input}\n{row.output}")
    ]
    assert faults == []


def test_the_inputs_of_a_chained_task_look_like_the_earlier_steps_outputs(pack: Pack) -> None:
    faults = []
    for task in pack.domain.tasks:
        if task.input_from is None:
            continue
        earlier = pack.domain.task(task.input_from)
        for row in pack.of(task):
            if broken := broken_as_hand_over(earlier, PlacedRow(row.place, row.example)):
                faults.append(f"{row.place}: not what {earlier.name} hands over: {', '.join(broken)}")
    assert faults == []


def test_the_pool_passes_its_own_review_without_errors(pack: Pack) -> None:
    seeds = {task.name: [PlacedRow(row.place, row.example) for row in pack.of(task)] for task in pack.domain.tasks}
    findings = check_pool(pack.domain, seeds)
    assert [f"{f.place or '.'.join(map(str, f.at))}: {f.code}: {f.why}" for f in findings if f.level == "error"] == []


def test_inputs_are_as_varied_as_real_ones(pack: Pack) -> None:
    if not bench_folder().is_dir():
        pytest.skip("the real tasks to compare with are not here")
    faults = []
    for task, language, rows in with_rows(pack):
        ours = [row.input for row in rows]
        size = min(MOST_BIGRAMS, len(_bigrams(ours, 0)))
        real = [_distinct(inputs, size) for inputs in _bench_inputs(task.output.kind, language)]
        if _distinct(ours, size) < sum(real) / len(real):
            faults.append(f"data/{task.name} {language}: distinct-2 {_distinct(ours, size):.3f}, real {real}")
    assert faults == []


@cache
def _bench_inputs(kind: str, language: Language) -> list[list[str]]:
    found = []
    for path in sorted(bench_folder().glob("*/task.json")):
        task = json.loads(path.read_text(encoding="utf-8"))
        if task["language"] == language and task["task_type"] in BENCH_OF_KIND[kind]:
            lines = (path.parent / "train.jsonl").read_text(encoding="utf-8").splitlines()
            found.append([str(json.loads(line)["input"]) for line in lines])
    return found


def _distinct(texts: Sequence[str], size: int) -> float:
    """Share of different ones among `size` pairs of neighbouring words (distinct-2, Li et al. 2016), mean of three draws."""
    return sum(len(set(_bigrams(texts, seed)[:size])) for seed in range(3)) / (3 * size)


def _bigrams(texts: Sequence[str], seed: int) -> list[tuple[str, str]]:
    order = random.Random(seed).sample(range(len(texts)), len(texts))
    pairs: list[tuple[str, str]] = []
    for index in order:
        words = tokens(spoken_words(texts[index]))
        pairs += pairwise(words)
        if len(pairs) >= 2 * MOST_BIGRAMS:
            break
    return pairs
