"""A value with the range it may truly have."""

from anytasktune.records import Record


class Interval(Record):
    """A value with its 95 % confidence interval."""

    value: float
    low: float
    high: float
