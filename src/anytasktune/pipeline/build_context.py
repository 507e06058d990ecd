"""What the stages of making data share: the project, its settings, passages, the task's own rows, and the teacher."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from anytasktune.datasets.seal import SealGuard, seal
from anytasktune.errors import ConfigError
from anytasktune.llm import ANSWERS_FILE, Teacher
from anytasktune.pipeline.candidate_runs import Passages
from anytasktune.pipeline.events import Listener, Silent
from anytasktune.pipeline.frozen_datasets import own_splits
from anytasktune.pipeline.ingesting import ingest_documents
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Example, Passage, Seal, SplitName, Task, TeacherUsage
from anytasktune.settings import Settings
from anytasktune.store import write_record


@dataclass(frozen=True)
class BuildOptions:
    """What one command makes data from, and in which languages.

    Attributes:
        documents: a folder of documents; None: the project's `documents/`, if there is one.
        languages: those wanted of each task that speaks them; empty: all a task speaks.
        record: a file to which requests and answers are added, without keys.
        replay: a file that was recorded; nothing else is asked.
    """

    documents: Path | None = None
    languages: tuple[Language, ...] = ()
    record: Path | None = None
    replay: Path | None = None


@dataclass(frozen=True)
class SealedProject:
    """The test rows of all tasks, fixed, and what is left to make candidates from.

    Attributes:
        guard: refuses requests that would show a teacher a test row.
        own: task → its own rows, divided.
        passages: those without a test row of any task.
    """

    seal: Seal
    guard: SealGuard
    own: Mapping[str, Mapping[SplitName, Sequence[Example]]]
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Sources:
    """The rows and passages candidates of one task are made from.

    Attributes:
        splits: the task's own rows, divided.
        seal: the test rows of the project, fixed.
        passages: those without a test row of any task.
        shown_train, shown_dev: rows without a test row of any task, which a teacher may be shown.
    """

    task: Task
    splits: Mapping[SplitName, Sequence[Example]]
    seal: Seal
    passages: tuple[Passage, ...]
    shown_train: Sequence[Example]
    shown_dev: Sequence[Example]

    @property
    def train(self) -> Sequence[Example]:
        """The task's own train rows."""
        return self.splits.get("train", ())

    @property
    def dev(self) -> Sequence[Example]:
        """The task's own dev rows."""
        return self.splits.get("dev", ())

    @property
    def test(self) -> Sequence[Example]:
        """The task's own test rows."""
        return self.splits.get("test", ())


@dataclass
class BuildContext:
    """One command that makes data; what is costly is read or opened when it is first needed, and once."""

    workspace: Workspace
    settings: Settings = field(default_factory=Settings)
    listener: Listener = field(default_factory=Silent)
    options: BuildOptions = field(default_factory=BuildOptions)
    _sources: dict[str, Sources] = field(default_factory=dict)

    @classmethod
    def begin(
        cls, workspace: Workspace, settings: Settings | None, listener: Listener | None, options: BuildOptions | None
    ) -> "BuildContext":
        """A command with what was given, and the usual for what was not."""
        return cls(workspace, settings or Settings(), listener or Silent(), options or BuildOptions())

    @cached_property
    def passages(self) -> Passages | None:
        """All passages there are; None without documents."""
        project = self.workspace.project
        folder = self.options.documents or (project.documents if project.documents.is_dir() else None)
        return ingest_documents(project, folder, self.settings.documents, self.listener) if folder else None

    @cached_property
    def sealed(self) -> SealedProject:
        """The project with the test rows of all its tasks fixed, also of those that nothing is made for now.

        Raises:
            DataError: the rows of a task cannot be read or divided.
        """
        tasks, folder = self.workspace.domain.tasks, self.workspace.project.seals
        own = {task.name: own_splits(self.workspace, task, self.settings.split) for task in tasks}
        rows = self.passages.rows if self.passages else []
        counts = Counter(passage.span.document for passage in rows)
        fixed = seal(own, documents=counts or None, config=self.settings.split)
        write_record(folder / f"{fixed.id}.json", fixed)
        guard = SealGuard(tasks, fixed, own)
        free = tuple(passage for passage in rows if not guard.touches(passage.text))
        if len(free) < len(rows):
            self.listener.note(f"{len(rows) - len(free)} passages hold a test row and are not used")
        return SealedProject(fixed, guard, own, free)

    def sources(self, task: Task) -> Sources:
        """The rows and passages of a task that candidates are made from.

        Raises:
            DataError: as `sealed`.
        """
        if task.name not in self._sources:
            self._sources[task.name] = self._sources_of(task)
        return self._sources[task.name]

    def _sources_of(self, task: Task) -> Sources:
        sealed = self.sealed
        splits = sealed.own[task.name]
        train, dev = ([row for row in splits.get(name, ()) if not sealed.guard.holds(row)] for name in ("train", "dev"))
        hidden = sum(len(splits.get(name, ())) for name in ("train", "dev")) - len(train) - len(dev)
        if hidden:
            self.listener.note(f"{task.name}: {hidden} train and dev rows hold a test row and are not shown to the teacher")
        return Sources(task, splits, sealed.seal, sealed.passages, train, dev)

    def languages(self, task: Task) -> list[Language]:
        """The languages in which rows are made.

        Raises:
            ConfigError: the task speaks none of those that are wanted.
        """
        wanted = [language for language in task.languages if not self.options.languages or language in self.options.languages]
        if not wanted:
            spoken, asked = ", ".join(task.languages), ", ".join(self.options.languages)
            fix = f"add an instruction in {asked} to domain.yaml, or leave --language out"
            raise ConfigError(f"task {task.name} speaks {spoken}, not {asked}", where="domain.yaml", fix=fix)
        return wanted

    @property
    def has_teacher(self) -> bool:
        """Whether a teacher is named."""
        return bool(self.settings.teacher.name)

    @cached_property
    def teacher(self) -> Teacher:
        """The model that writes; ConfigError if none is named."""
        if not self.has_teacher:
            fix = "name a model: --teacher NAME, or `teacher: {name: ...}` in settings.yaml; OPENAI_BASE_URL says where it is"
            raise ConfigError("a teacher is needed, and none is named", fix=fix)
        return self._open(self.settings.teacher.name)

    @cached_property
    def judge(self) -> Teacher:
        """The model that marks; the teacher unless another is named."""
        named = self.settings.teacher.judge
        return self.teacher if not named or named == self.settings.teacher.name else self._open(named)

    def _open(self, model: str) -> Teacher:
        config = self.settings.teacher.model_copy(update={"name": model})
        return Teacher.open(
            config,
            os.environ,
            self.workspace.project.teacher_answers / ANSWERS_FILE,
            record=self.options.record,
            replay=self.options.replay,
            guard=self.sealed.guard,
        )

    def spent(self) -> str:
        """What this command's teachers took so far, in words."""
        teachers = [teacher for name in ("teacher", "judge") if isinstance(teacher := self.__dict__.get(name), Teacher)]
        usages = [teacher.usage for teacher in dict.fromkeys(teachers)]
        return in_words(usages)


def in_words(usages: Sequence[TeacherUsage]) -> str:
    """`240 requests, 180,211 + 60,102 tokens, 0.1200 USD`; what was found again is not counted."""
    requests, found = sum(usage.requests for usage in usages), sum(usage.found for usage in usages)
    prompt, answer = sum(usage.prompt_tokens for usage in usages), sum(usage.answer_tokens for usage in usages)
    facts = [f"{requests:,} requests", f"{prompt:,} + {answer:,} tokens"]
    costs = [usage.cost for usage in usages if usage.cost is not None]
    facts += [f"{sum(costs):.4f} {usages[0].currency}"] if costs else []
    facts += [f"{found:,} answers from before"] if found else []
    return ", ".join(facts)
