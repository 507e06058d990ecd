"""The interview of a project: every answer is on disk before the next question, so a stopped interview resumes."""

from dataclasses import dataclass, field
from pathlib import Path

from anytasktune.errors import ConfigError, StoreError
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema.kept_answers import InterviewLine
from anytasktune.store import Project, append_line, read_lines
from anytasktune.tasks.interview import Interview, Question
from anytasktune.tasks.interview_answers import AnswerError, means, word


@dataclass
class InterviewLog:
    """An interview and the file its answers are in."""

    project: Project
    language: Language
    interview: Interview = field(default_factory=Interview)

    @classmethod
    def open(cls, folder: Path, language: Language, out: Path | None = None) -> "InterviewLog":
        """Load the answers given so far.

        Args:
            out: a new file the pool will be written to, in place of the project's `domain.yaml`.

        Raises:
            ConfigError: the interview was begun in the other language and is not finished there, a line of the file is no
                answer, or the pool cannot be written afterwards (reported before the questions).
        """
        project = Project.at(folder)
        if out is not None and out.exists():
            raise ConfigError("the file exists, and is not overwritten", where=str(out), fix="give --out another name")
        if out is None and project.domain_file.exists():
            Workspace.open(project.root)
        path = project.interview_file
        try:
            lines = read_lines(path, InterviewLine)
        except StoreError as error:
            fix = "mend or remove that line; the other answers stay"
            raise ConfigError("not a line of an interview", where=error.problems[0].where, fix=fix) from None
        interview = Interview(lines)
        if interview.first not in {None, language} and interview.next(interview.first or language) is not None:
            fix = f"finish it with --language {interview.first}; its texts can then be given in the other language too"
            raise ConfigError(f"the interview was begun in {interview.first}", where=str(path), fix=fix)
        return cls(project, language, interview)

    def begin(self, *, reopen: bool) -> list[str]:
        """Opening lines; with `reopen`, a finished interview asks again whether there is more."""
        if reopen and self.interview.first == self.language and self.next() is None:
            self._take_back()
        said = [word("begin", self.language)]
        return said + ([word("resumed", self.language).format(count=self.answered)] if self.answered else [])

    @property
    def answered(self) -> int:
        """Number of answers in this language that hold."""
        return self.interview.answered(self.language)

    @property
    def is_empty(self) -> bool:
        """Whether no action is known yet."""
        return not self.interview.draft().actions

    def next(self) -> Question | None:
        """The question to ask now; None when all are answered."""
        return self.interview.next(self.language)

    def reply(self, question: Question, text: str) -> str:
        """Take a typed line: an answer, `back`, `?`, or nothing (the question stays open, a list ends).

        Returns the remark to show before the next question; empty when the answer was taken.
        """
        if text in {"?", "？"}:
            return question.help_in(self.language)
        if means("back", text):
            return "" if self._take_back() else word("nothing_before", self.language)
        if not text or means("skip", text) or (question.ends_list and means("done", text)):
            self._add(InterviewLine(question=question.id, language=self.language, status="skipped"))
            return ""
        try:
            question.read(text)
        except AnswerError as error:
            return error.said_in(self.language)
        self._add(InterviewLine(question=question.id, language=self.language, answer=text))
        return ""

    def _take_back(self) -> bool:
        last = self.interview.last(self.language)
        if last is not None:
            self._add(InterviewLine(question=last.question, language=self.language, status="withdrawn"))
        return last is not None

    def _add(self, line: InterviewLine) -> None:
        append_line(self.project.interview_file, line)
        self.interview.add(line)
