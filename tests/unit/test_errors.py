"""Words of messages."""

import pytest

from anytasktune.errors import counted


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (2, ("row",), "2 rows"),
        (12_345, ("row",), "12,345 rows"),
        (1, ("piece of advice", "pieces of advice"), "1 piece of advice"),
        (0, ("piece of advice", "pieces of advice"), "0 pieces of advice"),
    ],
)
def test_a_count_and_its_noun_agree(number: int, words: tuple[str, ...], said: str) -> None:
    assert counted(number, *words) == said
