"""What is kept while a pool is being found: answers of a person, and of a teacher model."""

from typing import Any, Literal

from anytasktune.records import Artifact, Language, Record


class InterviewLine(Record):
    """One line of `interview.jsonl`: what became of a question.

    The file is only ever added to. A `withdrawn` line takes back the last answer that still holds, in its language.
    """

    question: str
    language: Language
    status: Literal["given", "skipped", "withdrawn"] = "given"
    answer: str = ""


class TeacherAnswer(Artifact):
    """What a teacher model said to one request, so that it need not be asked again."""

    model: str
    content: str
    cut: bool = False
    """The answer ended because it got too long."""
    prompt_tokens: int = 0
    answer_tokens: int = 0


class RecordedAnswer(Artifact):
    """One line of a recording: what a teacher was asked, and what it answered."""

    model: str
    messages: list[dict[str, str]]
    answer_schema: dict[str, Any]
    """JSON Schema of the answer."""
    temperature: float
    sample: int
    """Which of several answers to the same messages it is."""
    max_tokens: int
    answer: TeacherAnswer
