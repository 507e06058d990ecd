"""What the stages of making data share: the project, its settings, passages, the task's own rows, and the teacher."""

import os
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
from anytasktune.pipeline.workspace import Settings, Workspace
from anytasktune.records import Language
from anytasktune.schema import Example, Passage, Seal, SplitName, Task, TeacherUsage
from anytasktune.store import LATEST, write_record, write_ref


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
class Sources:
    """What candidates of one task may be made from.

    Attributes:
        splits: the task's own rows, divided.
        seal: its test rows, fixed.
        guard: raises an error before a teacher would be shown one of them.
        passages: those in which no test row stands.
    """

    task: Task
    splits: Mapping[SplitName, Sequence[Example]]
    seal: Seal
    guard: SealGuard
    passages: tuple[Passage, ...]

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
        return ingest_documents(project, folder, self.settings.ingest, self.listener) if folder else None

    def sources(self, task: Task) -> Sources:
        """The task's rows and passages, its test rows sealed.

        Raises:
            DataError: the task's rows cannot be read or divided.
        """
        if task.name not in self._sources:
            self._sources[task.name] = self._sealed(task)
        return self._sources[task.name]

    def _sealed(self, task: Task) -> Sources:
        splits = own_splits(self.workspace, task, self.settings.split)
        rows = self.passages.rows if self.passages else []
        counts: dict[str, int] = {}
        for passage in rows:
            counts[passage.span.document] = counts.get(passage.span.document, 0) + 1
        fixed = seal(task, splits, documents=counts or None, config=self.settings.split)
        folder = self.workspace.project.seals(task.name)
        write_record(folder / f"{fixed.id}.json", fixed)
        write_ref(folder, LATEST, fixed.id)
        guard = SealGuard(task, fixed, splits.get("test", ()))
        free = tuple(passage for passage in rows if not guard.touches(passage.text))
        if len(free) < len(rows):
            self.listener.note(f"{task.name}: {len(rows) - len(free)} passages hold a test row and are not used")
        return Sources(task, splits, fixed, guard, free)

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
        return bool(self.settings.teacher.teacher)

    @cached_property
    def teacher(self) -> Teacher:
        """The model that writes; ConfigError if none is named."""
        if not self.has_teacher:
            fix = "name a model: --teacher NAME, or `teacher:` in build.yaml; OPENAI_BASE_URL says where it is"
            raise ConfigError("a teacher is needed, and none is named", fix=fix)
        return self._open(self.settings.teacher.teacher)

    @cached_property
    def judge(self) -> Teacher:
        """The model that marks; the teacher unless another is named."""
        named = self.settings.teacher.judge
        return self.teacher if not named or named == self.settings.teacher.teacher else self._open(named)

    def _open(self, model: str) -> Teacher:
        config = self.settings.teacher.model_copy(update={"teacher": model})
        return Teacher.open(
            config,
            os.environ,
            self.workspace.project.teacher_answers / ANSWERS_FILE,
            record=self.options.record,
            replay=self.options.replay,
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
