"""Division into train, dev and test."""

import itertools
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.datasets import check_splits, drop_leaks, read_examples, split_examples
from anytasktune.errors import DataError
from anytasktune.schema import Example, SplitName
from anytasktune.settings import SplitConfig
from anytasktune.similarity import SHORT_TEXT, jaccard
from anytasktune.text.plain_text import normalise

WORDS = ["tenant", "landlord", "rent", "notice", "court", "appeal", "claim", "合同", "租金", "法院", "原告", "被告", "证据"]


def sentence(rng: random.Random, words: int = 14) -> str:
    return " ".join(rng.choices(WORDS, k=words)) + f" {rng.randrange(10**6)}"


@st.composite
def rows(draw: st.DrawFn) -> list[Example]:
    rng = random.Random(draw(st.integers(0, 10**6)))
    made: list[Example] = []
    for _ in range(draw(st.integers(30, 70))):
        copied = rng.choice(made).input if made and rng.random() < 0.2 else None
        text = copied + rng.choice(["", ".", "  "]) if copied else sentence(rng, rng.choice([2, 14]))
        source = f"document {rng.randrange(40)}" if rng.random() < 0.3 else None
        made.append(Example(input=text, output=rng.choice("abc"), source=source))
    return made


def belong_together(first: Example, second: Example, threshold: float) -> bool:
    if first.source is not None and first.source == second.source:
        return True
    texts = normalise(first.input), normalise(second.input)
    return texts[0] == texts[1] or (min(map(len, texts)) >= SHORT_TEXT and jaccard(*texts) >= threshold)


def largest_group(examples: list[Example], threshold: float) -> int:
    labels = list(range(len(examples)))
    for one, first in enumerate(examples):
        for two, second in enumerate(examples[:one]):
            if labels[one] != labels[two] and belong_together(first, second, threshold):
                labels = [labels[one] if label == labels[two] else label for label in labels]
    return max(Counter(labels).values())


@settings(max_examples=25, deadline=None)
@given(rows(), st.integers(0, 3), st.randoms(use_true_random=False))
def test_splits_lose_nothing_keep_groups_whole_and_do_not_depend_on_the_order(
    examples: list[Example], seed: int, rng: random.Random
) -> None:
    config = SplitConfig(seed=seed)
    largest = largest_group(examples, config.near_duplicate)
    try:
        splits = split_examples(examples, config)
    except DataError:
        assert largest > 3
        return
    divided = [(name, example) for name, members in splits.items() for example in members]
    assert Counter(map(repr, examples)) == Counter(repr(example) for _, example in divided)
    for place, (name, example) in enumerate(divided):
        for other_name, other in divided[:place]:
            assert name == other_name or not belong_together(example, other, config.near_duplicate)
    for name, share in (("train", 0.7), ("dev", 0.1), ("test", 0.2)):
        assert abs(len(splits[name]) - share * len(examples)) <= 2 * largest  # type: ignore[index]
    shuffled = rng.sample(examples, len(examples))
    assert split_examples(shuffled, config) == splits


def independent_rows(count: int, outputs: str = "ab") -> list[Example]:
    rng = random.Random(count)
    return [Example(input=sentence(rng), output=outputs[number * len(outputs) // count]) for number in range(count)]


def test_independent_rows_are_divided_exactly_and_labels_evenly() -> None:
    splits = split_examples(independent_rows(1000, "aaaaaaaabc"), SplitConfig())
    assert {name: len(members) for name, members in splits.items()} == {"train": 700, "dev": 100, "test": 200}
    for name, size in (("train", 700), ("dev", 100), ("test", 200)):
        counts = Counter(example.output for example in splits[name])  # type: ignore[index]
        assert all(abs(counts[label] - size / 10) <= 1 for label in "bc")


def test_another_seed_divides_otherwise_and_no_split_is_sorted_by_label() -> None:
    examples = independent_rows(200)
    first, second = (split_examples(examples, SplitConfig(seed=seed)) for seed in (0, 1))
    assert {example.id for example in first["test"]} != {example.id for example in second["test"]}
    outputs = [example.output for example in first["train"]]
    assert sum(one != two for one, two in itertools.pairwise(outputs)) > 30


def test_a_split_that_was_not_asked_for_is_not_made() -> None:
    splits = split_examples(independent_rows(50), SplitConfig(dev=0, test=0.5))
    assert {name: len(members) for name, members in splits.items()} == {"train": 25, "test": 25}


def test_one_huge_source_goes_to_train_and_the_rest_fills_the_others() -> None:
    examples = [
        example.model_copy(update={"source": "one book" if number < 70 else None})
        for number, example in enumerate(independent_rows(100))
    ]
    splits = split_examples(examples, SplitConfig())
    assert {name: len(members) for name, members in splits.items()} == {"train": 70, "dev": 10, "test": 20}


def test_too_few_rows_are_refused_with_the_number_needed() -> None:
    with pytest.raises(DataError, match="at least 10 rows with different inputs"):
        split_examples(independent_rows(9), SplitConfig())
    same_source = [example.model_copy(update={"source": "one book"}) for example in independent_rows(100)]
    with pytest.raises(DataError, match="100 rows in 1 independent group: too few"):
        split_examples(same_source, SplitConfig())
    with pytest.raises(DataError, match="at least 100 rows"):
        split_examples(independent_rows(99), SplitConfig(test=0.01))


LEASE = "The tenant shall pay the rent of the flat to the landlord on the first working day of every month."
GIVEN: dict[SplitName, list[str]] = {
    "train": ["短句", "A free-standing clause about heating costs.", LEASE.replace("first", "second"), "年龄18岁至70岁"],
    "dev": [LEASE.upper(), "Another clause about the deposit and its return."],
    "test": [LEASE, "短 句", "短句", "年龄18岁至75岁"],
}


def test_rows_that_stand_in_test_too_are_found_in_train_and_dev() -> None:
    splits = {name: [Example(input=text, output="x") for text in texts] for name, texts in GIVEN.items()}
    found = check_splits(splits)
    assert [(row.file, row.row, row.reason) for row in found] == [
        ("train", 1, "leaks_into_test"),
        ("train", 3, "leaks_into_test"),
        ("dev", 1, "leaks_into_test"),
    ]
    assert "example 3 of test" in found[0].detail
    assert check_splits({"train": splits["train"]}) == []


def test_dropping_leaks_keeps_test_whole_and_names_the_row_in_the_file(tmp_path: Path) -> None:
    results = {}
    for name, texts in GIVEN.items():
        path = tmp_path / f"{name}.csv"
        path.write_text("input,output\n\n" + "".join(f'"{text}",x\n' for text in texts), encoding="utf-8")
        results[name] = read_examples(path)
    clean = drop_leaks(results)
    assert {name: len(result.examples) for name, result in clean.items()} == {"train": 2, "dev": 1, "test": 4}
    assert [row.row for row in clean["train"].dropped] == [3, 5]
    assert clean["train"].dropped[0].file.endswith("train.csv")
    assert clean["train"].counts.dropped == {"leaks_into_test": 2}


def test_two_thousand_rows_are_divided_in_about_two_seconds() -> None:
    examples = independent_rows(2000)
    started = time.process_time()
    split_examples(examples, SplitConfig())
    assert time.process_time() - started < 6
