"""The coverage plan: its sums, what it covers, and that nothing but its inputs decides it."""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.synthesis.generation_play import CARD, KEYWORDS, RATING, ROUTING, SUMMARY, TASKS, passages_of, quick, rows_of

from anytasktune.ids import shuffled
from anytasktune.outputs import AnswerTarget, LabelOutput
from anytasktune.records import Language
from anytasktune.schema import Example, Passage, Task
from anytasktune.settings import SynthesisConfig
from anytasktune.synthesis.brief import Brief
from anytasktune.synthesis.candidate_plan import DIFFICULTIES, plan_generation, with_situations
from anytasktune.synthesis.drafts import Slot
from anytasktune.synthesis.generate_inputs import question_for, requests
from anytasktune.synthesis.seeded_choice import Turns


def targets(task: Task, language: Language, seeds: Sequence[Example]) -> dict[AnswerTarget, float]:
    return task.output.targets(language, task.rules, [seed.output for seed in seeds])


BOTH: tuple[Language, ...] = ("en", "zh")
WEIGHTS = st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0.01, 100), min_size=1, max_size=12)


def plan(
    task: Task,
    languages: Sequence[Language],
    rows: Sequence[Example],
    passages: Sequence[Passage],
    config: SynthesisConfig,
    as_inputs: Collection[Language] = (),
) -> list[Slot]:
    """The rows that are wanted."""
    whole = plan_generation([Brief.of(task, language, rows, config) for language in languages], passages, as_inputs)
    return [slot for slot in whole if slot.number < config.rows]


@given(WEIGHTS, st.integers(0, 200), st.integers(0, 200), st.booleans())
def test_the_turns_of_fewer_are_the_first_of_more_and_no_key_falls_behind(
    weights: dict[str, float], fewer: int, more: int, cover: bool
) -> None:
    shares = {key: weight / sum(weights.values()) for key, weight in weights.items()}

    def taken(count: int) -> list[str]:
        turns = Turns()
        return [turns.take(shares, "all", cover=cover) for _ in range(count)]

    fewer, more = sorted((fewer, more))
    assert taken(more)[:fewer] == taken(fewer)
    counts = Counter(taken(more))
    if cover and more >= len(shares):
        assert set(counts) == set(shares)
    if not cover:
        assert all(counts[key] > more * share - len(shares) for key, share in shares.items())


@given(st.lists(st.integers(), max_size=30), st.integers())
def test_shuffling_keeps_what_is_there_and_depends_on_nothing_else(things: list[int], seed: int) -> None:
    assert sorted(shuffled(things, seed)) == sorted(things)
    assert shuffled(things, seed) == shuffled(list(things), seed)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 60),
    task=st.sampled_from(TASKS),
    seeds=st.integers(0, 9),
    passages=st.integers(0, 5),
    ways=st.lists(st.sampled_from(["passage", "example", "task_only"]), min_size=1, max_size=3, unique=True),
    as_inputs=st.sets(st.sampled_from(BOTH)),
    seed=st.integers(0, 99),
)
def test_as_many_rows_are_planned_as_are_wanted_in_each_language(
    rows: int, task: Task, seeds: int, passages: int, ways: list[str], as_inputs: set[Language], seed: int
) -> None:
    known = [row for language in BOTH for row in rows_of(task, seeds, language)]
    texts = [passage for language in BOTH for passage in passages_of(language, passages)]
    config = quick(rows=rows, inputs_from=ways, seed=seed)
    slots = plan(task, BOTH, known, texts, config, as_inputs)
    there = [way for way in ways if {"passage": passages, "example": seeds, "task_only": 1}[way]]
    assert Counter(slot.language for slot in slots) == ({"en": rows, "zh": rows} if there else {})
    assert {slot.kind for slot in slots} <= set(there)
    assert [slot.number for slot in slots] == [*range(rows), *range(rows)] if there else not slots
    assert all((slot.passage is not None) == (slot.kind == "passage") for slot in slots)
    assert all(slot.passage is None or slot.passage.language == slot.language for slot in slots)
    assert all(slot.excerpt is None or slot.language in as_inputs for slot in slots)
    assert slots == plan(task, BOTH, known, texts, config, as_inputs)


def test_ways_share_the_rows_evenly() -> None:
    slots = plan(ROUTING, ["en"], rows_of(ROUTING), passages_of("en"), quick(rows=30))
    assert Counter(slot.kind for slot in slots) == {"passage": 10, "example": 10, "task_only": 10}


@given(st.integers(3, 40), st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_every_label_is_aimed_at_when_there_are_rows_enough(rows: int, seed: int) -> None:
    slots = plan(ROUTING, BOTH, [], [], quick(rows=rows, seed=seed))
    for language, labels in (("en", {"billing", "delivery", "repair"}), ("zh", {"账单", "配送", "维修"})):
        aimed = Counter(slot.cell.label for slot in slots if slot.language == language)
        assert set(aimed) == labels
        assert max(aimed.values()) - min(aimed.values()) <= 1


def test_rows_can_be_aimed_at_one_label_or_field_alone() -> None:
    aimed = quick(rows=12).model_copy(update={"aimed_at": ["delivery", "配送"]})
    slots = plan(ROUTING, BOTH, rows_of(ROUTING), passages_of("en"), aimed, as_inputs=("en",))
    assert {(slot.language, slot.cell.label) for slot in slots} == {("en", "delivery"), ("zh", "配送")}
    assert {slot.cell.difficulty for slot in slots} == set(DIFFICULTIES)
    fields = {target.field for target in targets(CARD, "en", rows_of(CARD)) if target.field}
    field = sorted(fields)[0]
    card = plan(CARD, ["en"], rows_of(CARD), [], quick(rows=12).model_copy(update={"aimed_at": [field]}))
    assert all(slot.cell.aspect.startswith(f"{field}=") for slot in card)
    unknown = plan(ROUTING, ["en"], [], [], quick(rows=12).model_copy(update={"aimed_at": ["nothing like it"]}))
    assert {slot.cell.label for slot in unknown} == {"billing", "delivery", "repair"}


def test_every_label_has_easy_usual_and_hard_cases_from_every_way() -> None:
    slots = plan(ROUTING, ["en"], rows_of(ROUTING), [], quick(rows=120))
    cells = Counter((slot.cell.label, slot.cell.difficulty, slot.kind) for slot in slots)
    assert len(cells) == 3 * 3 * 2
    assert min(cells.values()) >= 3
    share: Counter[str] = Counter(slot.cell.difficulty for slot in slots)
    assert {name: share[name] / 120 for name in DIFFICULTIES} == pytest.approx(DIFFICULTIES, abs=0.01)
    assert set(Counter(slot.cell.length for slot in slots).values()) == {40}


def test_labels_lean_towards_the_seeds_where_there_are_many_and_none_is_lost() -> None:
    seeds = [Example(input=f"matter {number}", output="billing") for number in range(98)]
    seeds += [Example(input="parcel", output="delivery"), Example(input="boiler", output="repair")]
    weights = {target.label: weight for target, weight in targets(ROUTING, "en", seeds).items()}
    assert weights == pytest.approx(
        {"billing": (1 / 3 + 0.98) / 2, "delivery": (1 / 3 + 0.01) / 2, "repair": (1 / 3 + 0.01) / 2}
    )
    assert len(set(targets(ROUTING, "en", seeds[-5:]).values())) == 1, "five rows say nothing about how often labels come up"


def test_the_fewest_items_that_are_allowed_are_aimed_at() -> None:
    assert {target.items for target in targets(KEYWORDS, "en", [])} == {2, 3, 4}
    assert {target.items for target in targets(KEYWORDS, "en", rows_of(KEYWORDS))} == {2, 3}
    free = KEYWORDS.model_copy(update={"rules": KEYWORDS.rules.model_copy(update={"min_items": 0})})
    assert 0 in {target.items for target in targets(free, "en", rows_of(free))}


def test_items_of_a_closed_list_are_aimed_at_one_by_one_in_the_language_of_the_row() -> None:
    output = {"kind": "labels", "labels": {"en": ["a", "b", "c"], "zh": ["甲", "乙", "丙"]}}
    task = Task.model_validate({"name": "events", "instruction": {"en": "x", "zh": "x"}, "output": output})
    assert {target.label for target in targets(task, "zh", [])} >= {"甲", "乙", "丙"}


def test_the_bands_of_a_range_cover_it_without_a_gap() -> None:
    bands = [(target.low, target.high) for target in targets(RATING, "en", [])]
    assert (bands[0][0], bands[-1][1]) == (1.0, 5.0)
    assert all(first[1] == second[0] for first, second in pairwise(bands))
    whole = Task.model_validate(RATING.model_dump() | {"output": RATING.output.model_copy(update={"decimals": 0})})
    assert [target.low for target in targets(whole, "en", [])] == [1, 2, 3, 4, 5]


def test_values_of_a_json_field_are_aimed_at_in_the_language_of_the_row_and_fields_filled_and_empty() -> None:
    assert {target.aspect for target in targets(CARD, "zh", [])} == {"urgency=高", "urgency=低", "deadline=+", "deadline=-"}
    always = [Example(input=f"x{number}", output='{"urgency": "low", "deadline": "now"}') for number in range(6)]
    assert {target.aspect for target in targets(CARD, "en", always)} == {"urgency=high", "urgency=low"}, (
        "no seed leaves it empty"
    )


def test_alternatives_of_one_language_go_together() -> None:
    branches = [{"properties": {"level": {"enum": ["low", "high"]}}}, {"properties": {"level": {"enum": ["低", "高"]}}}]
    schema = {"type": "object", "properties": {"level": {"type": "string"}}, "required": ["level"], "anyOf": branches}
    output = {"kind": "json", "json_schema": schema}
    task = Task.model_validate({"name": "risk", "instruction": {"en": "x", "zh": "x"}, "output": output})
    assert {target.value for target in targets(task, "en", [])} == {"low", "high"}
    assert {target.value for target in targets(task, "zh", [])} == {"低", "高"}


def test_nothing_is_aimed_at_where_answers_are_free_text() -> None:
    assert [target.aspect for target in targets(SUMMARY, "en", rows_of(SUMMARY))] == [""]


def test_passages_take_turns_document_by_document() -> None:
    slots = plan(SUMMARY, ["en"], [], passages_of("en", 6), quick(rows=6, inputs_from=["passage"]))
    assert Counter(slot.passage.id for slot in slots if slot.passage) == {passage.id: 1 for passage in passages_of("en", 6)}
    some = plan(SUMMARY, ["en"], [], passages_of("en", 6), quick(rows=2, inputs_from=["passage"]))
    assert {slot.passage.span.document for slot in some if slot.passage} == {"en/0.txt", "en/1.txt"}


def test_every_stretch_of_a_document_is_used_once_and_the_rest_is_written() -> None:
    config = quick(rows=12, inputs_from=["passage"])
    slots = plan(SUMMARY, ["en"], [], passages_of("en", 3), config, {"en"})
    whole = [slot.excerpt for slot in slots if slot.excerpt is not None]
    assert 3 <= len(whole) < 12
    assert len({(span.document, span.start) for span in whole}) == len(whole)
    assert all(slot.cell.difficulty == "" for slot in slots if slot.excerpt is not None)


def test_situations_take_turns() -> None:
    slots = plan(SUMMARY, ["en"], [], passages_of("en"), quick(rows=18))
    told = with_situations(slots, {"en": [["one", "two", "three"]]}, 0)
    assert Counter(slot.cell.situation for slot in told) == {"one": 3, "two": 3, "three": 3, "": 9}
    assert with_situations(slots, {"en": []}, 0) == slots
    assert with_situations(slots, {"en": [[]]}, 0) == slots


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 130),
    more=st.integers(1, 120),
    task=st.sampled_from(TASKS),
    passages=st.integers(0, 9),
    as_inputs=st.sets(st.sampled_from(BOTH)),
    seed=st.integers(0, 99),
)
def test_more_rows_add_requests_and_change_none(
    rows: int, more: int, task: Task, passages: int, as_inputs: set[Language], seed: int
) -> None:
    few, many = (
        _asked(task, passages, as_inputs, quick(rows=count, seed=seed, inputs_from=["passage", "example", "task_only"]))
        for count in (rows, rows + more)
    )
    assert few.keys() <= many.keys()
    assert all(many[key] == slots for key, slots in few.items())


def _asked(
    task: Task, passages: int, as_inputs: set[Language], config: SynthesisConfig
) -> dict[tuple[str, int], list[tuple[Language, int]]]:
    """The words and the sample of each request of a plan, and the rows it is for."""
    texts = [passage for language in BOTH for passage in passages_of(language, passages)]
    found = {}
    for language in BOTH:
        brief = Brief.of(task, language, rows_of(task, 12, language), config)
        pools = [[f"situation {block}.{place}" for place in range(block + 3)] for block in range(-(-config.rows // 100))]
        slots = with_situations(plan_generation([brief], texts, as_inputs), {language: pools}, config.seed)
        for request in requests(brief, slots, range(config.rows)):
            question = question_for(request)
            found[str(question.messages), question.sample] = [slot.key for slot in request.slots]
    return found


def test_labels_are_the_only_thing_a_label_task_shares_between_languages() -> None:
    assert isinstance(ROUTING.output, LabelOutput)
    slots = plan(ROUTING, ["zh"], rows_of(ROUTING), [], quick(rows=4))
    assert {slot.kind for slot in slots} == {"task_only"}, "seeds in English are no material for Chinese rows"
