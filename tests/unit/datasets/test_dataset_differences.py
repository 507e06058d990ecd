"""Versions of a data set compared, and what a data set holds."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.datasets.frozen_sets import TASK, frozen, rows

from anytasktune.datasets.dataset_facts import MOST_BINS, label_counts, lengths, measure
from anytasktune.datasets.differences import Counts, compare
from anytasktune.outputs import LabelsOutput, NumberOutput, TextOutput
from anytasktune.schema import Example, Task


def test_added_removed_moved_and_changed_rows_are_told_apart() -> None:
    first, second, third, fourth = rows(4)
    old = frozen({"train": [first, second, third], "test": [fourth]})
    answered = second.model_copy(update={"output": "housing" if second.output == "work" else "work"})
    new = frozen({"train": [first, answered, fourth], "test": rows(1, 9)})
    diff = compare(TASK, old, new)
    assert [(place.split, place.row.id) for place in diff.added] == [("test", rows(1, 9)[0].id)]
    assert [(place.split, place.row.id) for place in diff.removed] == [("train", third.id)]
    assert [(move.row.id, move.before, move.now) for move in diff.moved] == [(fourth.id, "test", "train")]
    assert [(change.before.row.output, change.now.row.output) for change in diff.changed] == [(second.output, answered.output)]
    assert diff.rows == {"train": Counts(3, 3), "test": Counts(1, 1)}
    assert not diff.is_same
    assert compare(TASK, old, old).is_same


def test_made_rows_and_labels_are_counted_before_and_now() -> None:
    old, new = frozen({"train": rows(4)}), frozen({"train": rows(4)}, {"train": rows(3, 20), "test": rows(2, 40)})
    diff = compare(TASK, old, new)
    assert diff.generated == {"train": Counts(0, 3), "test": Counts(0, 2)}
    assert diff.labels == {"housing": Counts(2, 5), "work": Counts(2, 4)}


numbers = st.dictionaries(st.integers(0, 12), st.tuples(st.sampled_from(["train", "dev", "test"]), st.booleans()), min_size=1)


@settings(deadline=None, max_examples=60)
@given(numbers, numbers)
def test_every_row_is_the_same_or_added_removed_moved_or_changed(
    before: dict[int, tuple[str, bool]], now: dict[int, tuple[str, bool]]
) -> None:
    versions = []
    for numbered in (before, now):
        splits: dict[str, list[Example]] = {}
        for number, (split, label) in numbered.items():
            row = Example(input=f"row {number}", output="work" if label else "housing")
            splits.setdefault(split, []).append(row)
        versions.append(frozen(splits))  # type: ignore[arg-type]
    diff = compare(TASK, *versions)
    same = sum(now.get(number) == place for number, place in before.items())
    assert len(before) == same + len(diff.removed) + len(diff.moved) + len(diff.changed)
    assert len(now) == same + len(diff.added) + len(diff.moved) + len(diff.changed)


def test_a_split_is_measured_by_language_way_label_and_length() -> None:
    facts = measure(TASK, frozen({"train": rows(6)}, {"train": rows(3, 50, "zh"), "test": rows(2, 80)}))
    train, test = facts["train"], facts["test"]
    assert (train.rows, train.generated, test.rows, test.generated) == (9, 3, 2, 2)
    assert train.languages == {"en": 6, "zh": 3}
    assert train.origins == {"own": 6, "passage": 3}
    assert train.labels == {"housing": 5, "work": 4}
    assert (train.inputs.shortest, train.inputs.longest) == (16, 41)


def test_items_of_a_list_and_ranges_of_numbers_are_counted() -> None:
    listing = Task(name="t", instruction={"en": "x"}, output=LabelsOutput(kind="labels", labels=["a", "b", "c"]))
    assert label_counts(listing, [Example(input="x", output="a; b"), Example(input="y", output="a")]) == {"a": 2, "b": 1}
    score = Task(name="t", instruction={"en": "x"}, output=NumberOutput(kind="number", minimum=0, maximum=100))
    few = [Example(input=str(number), output=str(number % 3)) for number in range(9)]
    assert label_counts(score, few) == {"0": 3, "1": 3, "2": 3}
    many = [Example(input=str(number), output=str(number)) for number in range(101)]
    assert sum(label_counts(score, many).values()) == 101
    assert label_counts(Task(name="t", instruction={"en": "x"}, output=TextOutput(kind="text")), few) == {}


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_a_histogram_holds_every_length_once(values: list[int]) -> None:
    found = lengths(values)
    assert sum(count for _, _, count in found.bins) == len(values)
    assert len(found.bins) <= MOST_BINS
    assert found.bins[0][0] <= min(values) == found.shortest
    assert found.longest == max(values) < found.bins[-1][1]
    held = Counter(next(low for low, high, _ in found.bins if low <= value < high) for value in values)
    assert held == Counter({low: count for low, _, count in found.bins if count})
