"""The cost of asking a teacher."""

from anytasktune.records import Record


class TeacherUsage(Record):
    """What asking a teacher took."""

    requests: int = 0
    """Sent and paid for, repeated ones included."""
    found: int = 0
    """Answers that were there from an earlier run and were not paid again."""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cost: float | None = None
    """In `currency`; None where no prices are known."""
    currency: str = ""
    seconds: float = 0.0
