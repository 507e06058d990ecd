"""Regular expressions for the decimal numbers of a range."""

import math
from collections.abc import Iterator
from decimal import Decimal


def number_regex(low: float, high: float, decimals: int) -> str:
    """A regular expression for numbers from `low` to `high` with exactly `decimals` digits after the point.

    Empty where there is none. Zero is never written with a minus.
    """
    first, last = steps_of_range(low, high, decimals)
    parts = [_with_point(digits, decimals) for digits in _digits(max(first, 0), last, decimals + 1)]
    parts += ["-" + _with_point(digits, decimals) for digits in _digits(max(-last, 1), -first, decimals + 1)]
    return "|".join(parts)


def holds_number(low: float, high: float, decimals: int) -> bool:
    """Whether a number with at most so many digits after the point lies from `low` to `high`."""
    first, last = steps_of_range(low, high, decimals)
    return first <= last


def steps_of_range(low: float, high: float, decimals: int) -> tuple[int, int]:
    """The first and the last number of a range, in units of the last digit after the point."""
    scale = 10**decimals
    return math.ceil(Decimal(repr(float(low))) * scale), math.floor(Decimal(repr(float(high))) * scale)


Digits = list[tuple[int, int]]
"""Of each digit, the lowest and the highest it may be."""


def _digits(first: int, last: int, length: int) -> Iterator[Digits]:
    """Whole numbers from `first` to `last`, written with at least `length` digits, as ranges of digits."""
    while first <= last:
        width = max(length, len(str(first)))
        end = min(last, 10**width - 1)
        yield from _of_one_width(f"{first:0{width}d}", f"{end:0{width}d}")
        first = end + 1


def _of_one_width(first: str, last: str) -> Iterator[Digits]:
    if not first:
        yield []
        return
    low, high, rest = int(first[0]), int(last[0]), len(first) - 1
    if low == high:
        yield from ([(low, low), *more] for more in _of_one_width(first[1:], last[1:]))
        return
    if first[1:] != "0" * rest:
        yield from ([(low, low), *more] for more in _of_one_width(first[1:], "9" * rest))
        low += 1
    whole = high if last[1:] == "9" * rest else high - 1
    if low <= whole:
        yield [(low, whole), *[(0, 9)] * rest]
    if whole < high:
        yield from ([(high, high), *more] for more in _of_one_width("0" * rest, last[1:]))


def _with_point(digits: Digits, decimals: int) -> str:
    written = [str(low) if low == high else f"[{low}-{high}]" for low, high in digits]
    point = len(written) - decimals
    return "".join(written[:point]) + ("\\." + "".join(written[point:]) if decimals else "")
