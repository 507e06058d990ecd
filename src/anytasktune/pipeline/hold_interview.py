"""The answers of an interview in the project, so that it can go on after being stopped or killed."""

from dataclasses import dataclass, field

from anytasktune.errors import ConfigError, StoreError
from anytasktune.records import Language
from anytasktune.schema.exchange import InterviewLine
from anytasktune.store import Project, append_line, read_lines, write_atomic
from anytasktune.tasks.interview import Interview, Question


@dataclass
class InterviewLog:
    """An interview whose every answer is on disk before the next question is asked."""

    project: Project
    language: Language
    interview: Interview = field(default_factory=Interview)

    @classmethod
    def open(cls, project: Project, language: Language) -> "InterviewLog":
        """The interview as far as it went.

        Raises:
            ConfigError: it was begun in the other language and is not finished there, or a line of the file is no answer.
        """
        path = project.interview_file
        lines = _lines(project)
        _cut_half_line(project)
        interview = Interview(lines)
        if interview.first not in {None, language} and interview.next(interview.first or language) is not None:
            fix = f"finish it with --language {interview.first}; its texts can then be given in the other language too"
            raise ConfigError(f"the interview was begun in {interview.first}", where=str(path), fix=fix)
        return cls(project, language, interview)

    @property
    def answered(self) -> int:
        """How many answers hold in this language."""
        return self.interview.answered(self.language)

    def next(self) -> Question | None:
        """The question to ask now; None when all are answered."""
        return self.interview.next(self.language)

    def answer(self, question: Question, text: str) -> None:
        """Keep an answer; AnswerError if it is not of the form that was asked for."""
        question.read(text)
        self._add(InterviewLine(question=question.id, language=self.language, answer=text))

    def skip(self, question: Question) -> None:
        """Leave a question open."""
        self._add(InterviewLine(question=question.id, language=self.language, status="skipped"))

    def back(self) -> bool:
        """Take back the last answer; whether there was one."""
        last = self.interview.last(self.language)
        if last is None:
            return False
        self._add(InterviewLine(question=last.question, language=self.language, status="withdrawn"))
        return True

    def reopen(self) -> None:
        """Ask the last question, whether there is more, once again, if everything was answered."""
        if self.interview.first == self.language and self.next() is None:
            self.back()

    def _add(self, line: InterviewLine) -> None:
        append_line(self.project.interview_file, line)
        self.interview.add(line)


def _lines(project: Project) -> list[InterviewLine]:
    try:
        return read_lines(project.interview_file, InterviewLine)
    except StoreError as error:
        fix = "mend or remove that line; the other answers stay"
        raise ConfigError("not a line of an interview", where=error.problems[0].where, fix=fix) from None


def _cut_half_line(project: Project) -> None:
    """A line that a crash cut off would spoil the one that is added behind it."""
    path = project.interview_file
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        write_atomic(path, content[: content.rfind(b"\n") + 1])
