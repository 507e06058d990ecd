"""Rows a teacher made join the rows a task has of its own."""

import random
from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.datasets import Joined, join_generated, seal
from anytasktune.outputs import LabelOutput
from anytasktune.schema import Candidate, Example, Origin, Span, SplitName, Task
from anytasktune.settings import SplitConfig
from anytasktune.similarity import SHORT_TEXT, jaccard
from anytasktune.text.plain_text import normalise

TASK = Task(name="team", instruction={"en": "Which?", "zh": "哪个？"}, output=LabelOutput(kind="label", labels=["a", "b"]))
WORDS = "tenant landlord rent notice court appeal claim boss wage shop 合同 租金 法院 原告 被告 证据".split()  # noqa: SIM905
Splits = dict[SplitName, list[Example]]


def text(seed: int) -> str:
    chance = random.Random(seed)
    return " ".join(chance.choices(WORDS, k=12)) + f" {seed}"


def own_rows(count: int, start: int = 0) -> list[Example]:
    return [Example(input=text(number), output="ab"[number % 2], language="en") for number in range(start, start + count)]


def made(
    seed: int, document: str | None = None, passage: str | None = None, parents: tuple[str, ...] = (), input: str = ""
) -> Candidate:
    span = Span(document=document, start=0, end=5) if document else None
    kind = "passage" if document else "paraphrase" if parents else "task_only"
    origin = Origin(kind=kind, passage=passage, span=span, parents=parents)
    return Candidate(input=input or text(10_000 + seed), output="ab"[seed % 2], language="en", source=document, origin=origin)


def enough() -> Splits:
    return {"train": own_rows(70), "dev": own_rows(10, 100), "test": own_rows(20, 200)}


def joined(own: Splits, rows: list[Candidate], documents: dict[str, SplitName] | None = None) -> Joined:
    return join_generated(TASK, own, rows, documents=documents or {}, config=SplitConfig())


def test_all_made_rows_go_to_train_where_there_are_enough_own_dev_and_test_rows() -> None:
    result = joined(enough(), [made(number, "a.pdf") for number in range(30)], {"a.pdf": "test"})
    assert set(result.placed.values()) == {"train"}
    assert len(result.placed) == 30


def test_what_gives_away_a_dev_or_test_row_is_dropped_and_own_rows_stay() -> None:
    own = enough()
    rows = [
        made(1, input=own["test"][0].input.upper() + "."),
        made(2, input=own["dev"][0].input + " 7"),
        made(3, input=own["train"][0].input.upper()),
        made(4, parents=(own["test"][1].id,)),
        made(5),
        made(5),
        made(6).model_copy(update={"output": "c"}),
    ]
    result = joined(own, rows)
    assert result.placed == {4: "train"}
    assert {position: fault.reason for position, fault in result.dropped.items()} == {
        0: "leaks_into_test",
        1: "leaks_into_dev",
        2: "duplicate",
        3: "leaks_into_test",
        5: "duplicate",
        6: "unknown_label",
    }
    assert result.reasons == {"duplicate": 2, "leaks_into_dev": 1, "leaks_into_test": 2, "unknown_label": 1}


def test_rows_of_a_document_go_where_the_seal_says_and_rows_after_a_seed_where_it_is() -> None:
    own: Splits = {"train": own_rows(12), "test": own_rows(3, 200)}
    documents: dict[str, SplitName] = {"a.pdf": "test", "b.pdf": "dev", "c.pdf": "train"}
    rows = [made(number, name) for number, name in enumerate(["a.pdf", "b.pdf", "c.pdf"] * 5)]
    after_seed = made(50, parents=(own["train"][0].id,))
    after_made = made(51, parents=(rows[0].id,))
    result = joined(own, [*rows, after_seed, after_made], documents)
    assert result.placed == {number: ("test", "dev", "train")[number % 3] for number in range(15)} | {15: "train", 16: "test"}


def test_without_dealt_documents_the_rows_of_one_passage_stay_together() -> None:
    rows = [made(number, "handbook.pdf", f"passage {number // 4}") for number in range(80)]
    result = joined({}, rows)
    assert Counter(result.placed.values()) == {"train": 56, "dev": 8, "test": 16}
    assert all(len({result.placed[number] for number in range(start, start + 4)}) == 1 for start in range(0, 80, 4))


def test_made_rows_fill_up_the_splits_that_have_too_few() -> None:
    own: Splits = {"train": own_rows(21), "dev": own_rows(3, 100), "test": own_rows(6, 200)}
    result = joined(own, [made(number) for number in range(70)])
    assert Counter(result.placed.values()) == {"train": 49, "dev": 7, "test": 14}
    test = [number for number, name in result.placed.items() if name == "test"]
    assert abs(sum(number % 2 for number in test) - 7) <= 1


def test_a_made_test_row_that_nearly_is_an_own_train_row_is_dropped_and_not_the_own_row() -> None:
    own: Splits = {"train": own_rows(12)}
    result = joined(own, [made(1, "a.pdf", input=own["train"][0].input + "!"), made(2, "a.pdf")], {"a.pdf": "test"})
    assert result.dropped[0].reason == "occurs_in_train"
    assert result.placed == {1: "test"}


def translated(parent: Example | Candidate, seed: int) -> Candidate:
    origin = Origin(kind="translate", parents=(parent.id,))
    return Candidate(
        input=f"这是第{seed}条译文，内容与原文相同", output="a", language="zh", source=parent.source, origin=origin
    )


def test_a_translation_goes_where_the_row_it_was_made_from_is() -> None:
    own: Splits = {"train": own_rows(12), "dev": own_rows(4, 100), "test": own_rows(4, 200)}
    documents: dict[str, SplitName] = {"a.pdf": "test", "b.pdf": "dev", "c.pdf": "train"}
    rows = [made(number, name, f"passage {number}") for number, name in enumerate(["a.pdf", "b.pdf", "c.pdf"] * 3)]
    after_own = [translated(row, number) for number, row in enumerate(row for split in own.values() for row in split)]
    after_made = [translated(row, 50 + number) for number, row in enumerate(rows)]
    result = joined(own, [*rows, *after_own, *after_made], documents)
    assert result.dropped == {}
    splits = [split for split, members in own.items() for _ in members]
    assert [result.placed[len(rows) + number] for number in range(len(after_own))] == splits
    assert [result.placed[29 + number] for number in range(len(rows))] == [result.placed[number] for number in range(len(rows))]


def test_a_translation_stays_with_its_parent_where_other_rows_of_the_passage_have_another_place() -> None:
    own: Splits = {"train": own_rows(12), "test": own_rows(3, 200)}
    parent, other = (made(number, "a.pdf", "passage 1") for number in (1, 2))
    other = other.model_copy(update={"origin": other.origin.model_copy(update={"parents": (own["train"][0].id,)})})
    result = joined(own, [parent, other, translated(parent, 1)], {"a.pdf": "test"})
    assert result.placed == {0: "test", 1: "train", 2: "test"}


def test_a_translation_is_dropped_where_the_row_it_was_made_from_gives_away_a_test_row() -> None:
    own = enough()
    leak = made(1, input=own["test"][0].input + "!")
    result = joined(own, [leak, translated(leak, 1), translated(own["test"][1], 2), translated(own["dev"][1], 3)])
    assert result.placed == {}
    assert [fault.reason for fault in result.dropped.values()] == [*["leaks_into_test"] * 3, "leaks_into_dev"]


def together(first: Candidate, second: Candidate) -> bool:
    ids = {first.id, second.id}
    return bool(ids & {*first.origin.parents, *second.origin.parents}) or (
        first.origin.passage is not None and first.origin.passage == second.origin.passage
    )


def alike(first: str, second: str) -> bool:
    texts = normalise(first), normalise(second)
    return texts[0] == texts[1] or (min(map(len, texts)) >= SHORT_TEXT and jaccard(*texts) >= 0.8)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 40), st.integers(0, 60), st.integers(0, 8))
def test_nothing_is_lost_families_stay_together_and_no_split_knows_another(
    seed: int, own_count: int, made_count: int, documents: int
) -> None:
    chance = random.Random(seed)
    own: Splits = {}
    for row in own_rows(own_count):
        own.setdefault(chance.choice(("train", "train", "dev", "test")), []).append(row)
    names = {f"doc{number}": 5 for number in range(documents)}
    dealt = seal({TASK.name: own}, documents=names).documents.get(TASK.name, {})
    rows: list[Candidate] = []
    for number in range(made_count):
        kind = chance.random()
        if kind < 0.4 and names:
            document = chance.choice(list(names))
            rows.append(made(number, document, f"{document} passage {chance.randrange(3)}"))
        elif kind < 0.6 and rows:
            rows.append(made(number, parents=(chance.choice(rows).id,)))
        elif kind < 0.75 and (rows or own_count):
            near = chance.choice([*rows, *(row for split in own.values() for row in split)]).input + chance.choice([".", " 1"])
            rows.append(made(number, input=near))
        else:
            rows.append(made(number))
    result = joined(own, rows, dealt)
    assert sorted([*result.placed, *result.dropped]) == list(range(len(rows)))
    of_split: dict[str, list[str]] = defaultdict(list, {name: [row.input for row in split] for name, split in own.items()})
    for position, name in result.placed.items():
        of_split[name].append(rows[position].input)
        document = rows[position].source
        if document and dealt and "test" in dealt.values():
            assert name == dealt[document]
        for other, split in result.placed.items():
            assert split == name or not together(rows[position], rows[other])
    for judge, other in (("test", "train"), ("test", "dev"), ("dev", "train")):
        assert not any(alike(first, second) for first in of_split[judge] for second in of_split[other])
