"""The time that reading a text takes grows with its length, whatever stands in it."""

import time
from collections.abc import Callable

import pytest

from anytasktune.outputs import LabelOutput, LabelsOutput, NumberOutput, OutputKind
from anytasktune.text.language import has_other_sentence, is_other_prose, language_of
from anytasktune.text.numbers import amounts_in, first_number, item_ranges_in, numbers_in, ranges_in
from anytasktune.text.overlap import rouge_l
from anytasktune.text.personal_data import find_personal_data
from anytasktune.text.plain_text import copied_share

PIECES = [
    *(
        "a",
        "A",
        "1",
        "０",
        "1 ",
        "1(",
        "1-",
        "+1 ",
        "(020) ",
        "a.",
        "a@",
        "x@y.",
        "A ",
        "1 Ab ",
        "1 N Ab",
        "DE89 ",
        "a-",
        "Aa-",
    ),
    *(
        "1" + " " * 2000,
        "twenty-",
        "hundred and ",
        "at least ",
        "live at ",
        "1 a ",
        "1st ",
        "一",
        "亿",
        "中",
        "路",
        "村1组",
        "1号楼",
        "住",
        "\n",
    ),
]
READERS: list[Callable[[str], object]] = [
    find_personal_data,
    first_number,
    numbers_in,
    ranges_in,
    item_ranges_in,
    amounts_in,
    language_of,
    lambda text: (is_other_prose(text, "en"), has_other_sentence(text, "zh")),
    lambda text: copied_share(text, text[::-1]),
    lambda text: rouge_l(text, text[::-1]),
]
KINDS: list[OutputKind] = [
    LabelOutput(kind="label", labels=["ab", "cd"]),
    LabelsOutput(kind="labels", labels=["ab", "cd"], separator="; "),
    NumberOutput(kind="number", minimum=1, maximum=7),
]
READERS += [lambda text, kind=kind: list(kind.instruction_remarks(text, "en")) for kind in KINDS]  # type: ignore[misc]


@pytest.mark.parametrize("reader", READERS)
def test_twenty_thousand_characters_are_read_in_a_moment(reader: Callable[[str], object]) -> None:
    for piece in PIECES:
        for text in ((piece * 20_000)[:20_000], "1" + (piece * 20_000)[:20_000] + "!"):
            begin = time.thread_time()
            reader(text)
            assert time.thread_time() - begin < 3, piece


@pytest.mark.parametrize("digits", ["9" * 400, "9" * 5000, "一" * 5000, "亿" * 400, "九" * 20 + "亿" * 20, "1" + ",000" * 200])
def test_numbers_of_hundreds_of_digits_are_read_without_an_error(digits: str) -> None:
    assert first_number(digits) is None or digits[0] not in "91"
    assert all(value < float("inf") for value in numbers_in(digits))
    amounts_in(digits)
    number = NumberOutput(kind="number", minimum=1, maximum=7)
    assert not number.parse(digits).ok
