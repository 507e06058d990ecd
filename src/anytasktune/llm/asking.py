"""Questions to a teacher and its replies: the whole interface for callers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from anytasktune.records import Language

Value = TypeVar("Value")


class MisfitError(ValueError):
    """An answer that is not of the form that was asked for; the text is shown to the model.

    Attributes:
        reason: the fault of the reply if the second answer does not fit either.
    """

    def __init__(self, text: str, reason: str = "unusable_answer") -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Question(Generic[Value]):
    """A request for JSON.

    Attributes:
        messages: the conversation, each with `role` and `content`.
        schema: JSON Schema of the answer, an object.
        read: makes a value of the decoded JSON, or raises MisfitError; what it says is shown to the model, which may answer
            once more.
        language: of what is added to the conversation.
        temperature: 0 for the likeliest answer.
        sample: number of the answer among several to the same messages; different samples are requested separately.
        max_tokens: longest answer; None: the teacher's own.
        read_text: makes a value of an answer that is no JSON, without thoughts; then the model is not asked once more.
    """

    messages: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any]
    read: Callable[[Any], Value]
    language: Language = "en"
    temperature: float = 0.0
    sample: int = 0
    max_tokens: int | None = None
    read_text: Callable[[str], Value] | None = None


@dataclass(frozen=True)
class Reply(Generic[Value]):
    """Reply to a question.

    Attributes:
        value: what was read from the answer; None if nothing could be.
        fault: why, if nothing could be: `unusable_answer` (answered, but not in the form asked for, twice), `not_answered` (no
            answer after all attempts, or the server refuses this one request), `over_budget` (not asked, because the cap would
            have been passed), `sealed` (not asked, because the guard refused the conversation), `not_masked` (not asked:
            personal data could not be replaced in it), `invented_placeholder` (the answer holds a placeholder that the
            question does not), or the reason that `read` gave.
        detail: the same in words.
        repaired: the first answer could not be used, the second could.
        truncated: the answer ended at the length limit.
    """

    value: Value | None
    fault: str = ""
    detail: str = ""
    repaired: bool = False
    truncated: bool = False


class Asker(Protocol):
    """Something that answers questions: a teacher behind an endpoint, live or recorded."""

    @property
    def model(self) -> str:
        """Its name."""

    def ask_all(
        self, questions: Sequence[Question[Value]], on_reply: Callable[[int, Reply[Value]], None] | None = None
    ) -> list[Reply[Value]]:
        """Answer many questions, several at a time.

        Args:
            on_reply: receives the place of a question and its reply as soon as there is one, in any order.

        Returns:
            A reply per question, in their order.

        Raises:
            EndpointError: the teacher cannot be asked at all (no address, wrong key, nothing answers); what was answered is
                kept.
        """
