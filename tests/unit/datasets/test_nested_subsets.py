"""Parts of the training rows for a learning curve: nested, whole groups, even over outputs and languages."""

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from anytasktune.datasets.nested_subsets import nested_subsets
from anytasktune.schema import Example
from anytasktune.settings import SplitConfig

SHARES = (1 / 8, 1 / 4, 1 / 2)
CONFIG = SplitConfig()
WORDS = "landlord deposit letter rent boss wage fired child school divorce shop heating refund invoice train".split()  # noqa: SIM905


def row(number: int, output: str, language: str = "en", source: str | None = None) -> Example:
    text = " ".join(WORDS[number // 15**place % 15] for place in range(4))
    return Example(input=f"{number} {text}", output=output, language=language, source=source)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["en", "zh"]), st.integers(0, 30)), min_size=1, max_size=80))
def test_each_part_is_in_the_next_and_never_cuts_a_source(drawn: list[tuple[str, str, int]]) -> None:
    rows = [row(7919 * number, *kind, source=f"s{source}") for number, (*kind, source) in enumerate(drawn)]
    parts = [*nested_subsets(rows, SHARES, CONFIG), rows]
    for part, larger in itertools.pairwise(parts):
        assert [one.id for one in rows if one in part] == [one.id for one in part]
        assert {one.id for one in part} <= {one.id for one in larger}
        assert {one.source for one in part}.isdisjoint({one.source for one in rows if one not in part})
    largest = max(Counter(one.source for one in rows).values())
    for part, share in zip(parts, SHARES, strict=False):
        assert abs(len(part) - share * len(rows)) <= largest


def test_every_label_of_every_language_has_its_share() -> None:
    labels = {("a", "en"): 64, ("b", "en"): 24, ("甲", "zh"): 40, ("乙", "zh"): 16}
    kinds = [kind for kind, count in labels.items() for _ in range(count)]
    rows = [row(7919 * number, *kind) for number, kind in enumerate(kinds)]
    for part, share in zip(nested_subsets(rows, SHARES, CONFIG), SHARES, strict=True):
        counts = Counter((one.output, one.language) for one in part)
        assert all(abs(counts[kind] - share * count) <= 1 for kind, count in labels.items())


def test_outputs_that_occur_once_are_divided_like_one_label() -> None:
    rows = [row(7919 * number, f"answer {number}" if number % 2 else "common") for number in range(80)]
    for part, share in zip(nested_subsets(rows, SHARES, CONFIG), SHARES, strict=True):
        assert abs(sum(one.output != "common" for one in part) - 40 * share) <= 1


def test_equal_rows_are_divided_alike_whatever_their_order() -> None:
    rows = [row(7919 * number, "ab"[number % 2]) for number in range(40)]
    parts = [{one.id for one in nested_subsets(order, (0.25,), CONFIG)[0]} for order in (rows, rows[::-1])]
    assert parts[0] == parts[1]
