"""One conversation with a teacher, as it is meant and as it is sent: with placeholders for personal data, or as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anytasktune.llm.asking import MisfitError, Question
from anytasktune.llm.completions import whole_characters
from anytasktune.llm.placeholders import Masking, Placeholders

_LONGEST_SHOWN = 8_000
"""Characters of an answer that cannot be used and is shown to the model: some repeat themselves without end."""
_NOTHING = "…"
"""Stands for an answer without a word; many servers refuse an empty message."""
Messages = list[dict[str, str]]


@dataclass
class Conversation:
    """Messages of one question and what followed.

    Attributes:
        said: the messages as they are meant.
        sent: the same as they leave the machine.
        schema: JSON Schema of the answer, as it is sent.
        masking: the placeholders in `sent`; None where nothing is replaced.
    """

    said: Messages
    sent: Messages
    schema: Mapping[str, Any]
    masking: Masking | None = None

    @classmethod
    def of(cls, question: Question[Any], placeholders: Placeholders | None) -> "Conversation":
        """The messages of a question; UnmaskableError if personal data cannot be replaced in them."""
        said = [{name: whole_characters(text) for name, text in message.items()} for message in question.messages]
        if placeholders is None:
            return cls(said, list(said), question.schema)
        masking = placeholders.masking([*(message["content"] for message in said), *_texts_in(question.schema)])
        sent = [{**message, "content": masking.hide(message["content"])} for message in said]
        return cls(said, sent, masking.hide_in(question.schema), masking)

    def meant(self, value: Any) -> Any:
        """A value of an answer with the texts that placeholders stand for; MisfitError for a placeholder never given."""
        return value if self.masking is None else self.masking.restore_in(value)

    def add(self, answer: str, reply: str) -> None:
        """Add an answer that cannot be used, and what is said to it."""
        answer = answer[:_LONGEST_SHOWN] or _NOTHING
        meant = answer
        if self.masking is not None:
            try:
                meant = self.masking.restore(answer)
            except MisfitError:
                meant = answer
        self.said += [{"role": "assistant", "content": meant}, {"role": "user", "content": reply}]
        # an answer was never more than the teacher knew; the reply may quote the question
        sent = reply if self.masking is None else self.masking.hide(reply)
        self.sent += [{"role": "assistant", "content": answer}, {"role": "user", "content": sent}]


def _texts_in(schema: Any) -> Iterator[str]:
    if isinstance(schema, str):
        yield schema
    elif isinstance(schema, Mapping):
        yield from (text for part in (*schema.keys(), *schema.values()) for text in _texts_in(part))
    elif isinstance(schema, list | tuple):
        yield from (text for part in schema for text in _texts_in(part))
