"""The context of the stages that make data sets: passages, own rows with the test rows sealed, teacher and judge."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from anytasktune.datasets.seal import SealGuard, seal
from anytasktune.errors import ConfigError, counted
from anytasktune.llm import ANSWERS_FILE, Teacher
from anytasktune.llm.ledger import Ledger
from anytasktune.pipeline.candidate_runs import Passages
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.events import OnEvent, ignore_event
from anytasktune.pipeline.existing_candidates import Existing, existing_candidates, in_words, sealed_documents
from anytasktune.pipeline.frozen_datasets import own_splits
from anytasktune.pipeline.ingesting import ingest_documents
from anytasktune.pipeline.teacher_access import Agreed, TeacherAccess
from anytasktune.pipeline.workspace import Workspace
from anytasktune.records import Language
from anytasktune.schema import Example, Passage, Seal, SplitName, Task, TeacherUsage
from anytasktune.settings import Settings
from anytasktune.store import asking_alone, find_or_make, record_kind

SEALS = record_kind(Seal, lambda seal: seal.id)


@dataclass(frozen=True)
class BuildOptions:
    """Sources, languages and recordings of one command that makes data sets.

    Attributes:
        documents: a folder of documents; None: the project's `documents/`, if there is one.
        languages: those wanted of each task that has them; empty: all languages of the task.
        record: a file to which requests and answers are added, without keys.
        replay: a recorded file all answers are taken from; no requests are sent.
        agreed: consent to documents and rows leaving this machine, where a teacher is on another one and nobody has agreed for
            this project and host before: `masked` (personal data replaced by placeholders), `as_is`, or a function that asks.
            Without it nothing is sent.
        fresh: begin anew: candidates there are stay on disk and are not used any more.
        allow_fewer: a result with fewer generated rows than the present one takes its place.
    """

    documents: Path | None = None
    languages: tuple[Language, ...] = ()
    record: Path | None = None
    replay: Path | None = None
    agreed: Agreed = None
    fresh: bool = False
    allow_fewer: bool = False


@dataclass(frozen=True)
class SealedProject:
    """The own rows of all tasks with the test rows fixed.

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


@dataclass
class BuildContext(Context):
    """One command that makes data sets; costly parts are read or opened when first needed, and once.

    Attributes:
        task_names: the tasks it is about; all of them if empty.
    """

    options: BuildOptions = field(default_factory=BuildOptions)
    task_names: Sequence[str] = ()
    _sources: dict[str, Sources] = field(default_factory=dict)
    _existing: dict[str, Existing] = field(default_factory=dict)

    @classmethod
    def begin(
        cls,
        workspace: Workspace,
        settings: Settings | None,
        on_event: OnEvent | None,
        options: BuildOptions | None,
        task_names: Sequence[str] = (),
    ) -> "BuildContext":
        """A context with defaults for what is None."""
        return cls(workspace, settings or Settings(), on_event or ignore_event, options or BuildOptions(), task_names)

    @cached_property
    def passages(self) -> Passages | None:
        """The passages of all documents; None without documents."""
        project = self.workspace.project
        folder = self.options.documents or (project.documents if project.documents.is_dir() else None)
        return ingest_documents(project, folder, self.settings.documents, self.on_event) if folder else None

    @cached_property
    def sealed(self) -> SealedProject:
        """The project with the test rows of all its tasks fixed, also of those that are not built now.

        Raises:
            DataError: the rows of a task cannot be read or divided.
        """
        tasks = self.workspace.domain.tasks
        own = {task.name: own_splits(self.workspace, task, self.settings.split) for task in tasks}
        rows = self.passages.rows if self.passages else []
        documents = Counter(passage.span.document for passage in rows)
        before = {task.name: sealed_documents(self.workspace.project, task, self.note) for task in tasks}
        fixed = seal(own, documents=documents or None, config=self.settings.split, before=before)
        find_or_make(self.workspace.project.seals, SEALS, fixed.id, lambda: fixed, note=self.note)
        guard = SealGuard(tasks, fixed, own)
        free = tuple(passage for passage in rows if not guard.touches(passage.text))
        if len(free) < len(rows):
            self.note(f"passages that hold a test row and are not used: {len(rows) - len(free)}")
        return SealedProject(fixed, guard, own, free)

    def sources(self, task: Task) -> Sources:
        """The rows and passages of a task; DataError as `sealed`."""
        if task.name not in self._sources:
            sealed = self.sealed
            splits = sealed.own[task.name]
            train, dev = ([row for row in splits.get(name, ()) if not sealed.guard.holds(row)] for name in ("train", "dev"))
            if hidden := sum(len(splits.get(name, ())) for name in ("train", "dev")) - len(train) - len(dev):
                self.note(f"{task.name}: {hidden} train and dev rows hold a test row and are not shown to the teacher")
            self._sources[task.name] = Sources(task, splits, sealed.seal, sealed.passages, train, dev)
        return self._sources[task.name]

    def existing(self, task: Task) -> Existing:
        """The runs of a task whose candidates are kept; what this command makes is added to them."""
        if task.name not in self._existing:
            found = existing_candidates(self.workspace.project, task, self.sources(task).seal, self.note)
            if self.options.fresh and found.runs:
                count = sum(len(run.candidates) for run in found.runs)
                found = Existing(set_aside=found.set_aside | {"are set aside to begin anew": count})
            folder = self.workspace.project.candidates(task.name)
            for reason, count in found.set_aside.items():
                self.note(f"{task.name}: {in_words(reason, count)}; they stay in {folder} and are not used")
            self._existing[task.name] = found
        return self._existing[task.name]

    def languages(self, task: Task) -> list[Language]:
        """The languages in which rows are generated; ConfigError if the task has none of those wanted."""
        wanted = [language for language in task.languages if not self.options.languages or language in self.options.languages]
        if not wanted:
            has, asked = ", ".join(task.languages), ", ".join(self.options.languages)
            fix = f"add an instruction in {asked} to domain.yaml, or leave --language out"
            raise ConfigError(f"task {task.name} has instructions in {has}, not in {asked}", where="domain.yaml", fix=fix)
        return wanted

    def alone(self, verb: str, task_names: Sequence[str]) -> AbstractContextManager[None]:
        """The lock under which a command asks teachers and writes candidates; waits for another command, and says so."""
        return asking_alone(self.workspace.project.root, " ".join([verb, *task_names]), self.note)

    @property
    def has_teacher(self) -> bool:
        """Whether a teacher is named."""
        return bool(self.settings.teacher.name)

    @cached_property
    def teacher(self) -> Teacher:
        """The model that generates; ConfigError if none is named."""
        if not self.has_teacher:
            fix = "name a model: --teacher NAME, or `teacher: {name: ...}` in settings.yaml; OPENAI_BASE_URL is its endpoint"
            raise ConfigError("a teacher is needed, and none is named", fix=fix)
        return self._access.open(self.settings.teacher.name)

    @cached_property
    def judge(self) -> Teacher:
        """The model that scores candidates; the teacher unless another is named."""
        named = self.settings.teacher.judge
        return self.teacher if not named or named == self.settings.teacher.name else self._access.open(named)

    @cached_property
    def _access(self) -> TeacherAccess:
        options = self.options
        return TeacherAccess(
            self.workspace.project,
            self.settings.teacher,
            self._shown(),
            self.sealed.guard,
            options.agreed,
            options.record,
            options.replay,
            self.on_event,
        )

    def _shown(self) -> list[str]:
        """Contents of the requests of this command, in words."""
        tasks = self.workspace.tasks(self.task_names)
        sources = [self.sources(task) for task in tasks]
        rows = sum(len(one.shown_train) + len(one.shown_dev) for one in sources)
        passages = self.sealed.passages
        documents = len({passage.span.document for passage in passages})
        shown = [f"{counted(len(passages), 'passage')} of {counted(documents, 'document')}"] if passages else []
        return [*shown, f"{counted(rows, 'row')} and the instructions of {', '.join(task.name for task in tasks)}"]

    @property
    def _opened(self) -> list[Teacher]:
        opened = [model for name in ("teacher", "judge") if isinstance(model := self.__dict__.get(name), Teacher)]
        return list(dict.fromkeys(opened))

    @property
    def spent(self) -> TeacherUsage:
        """The usage of this command's teacher and judge so far."""
        return TeacherUsage.total(model.usage for model in self._opened)

    @property
    def pace(self) -> float | None:
        """Seconds per answer of the teacher lately; None where that is not known."""
        file = self.workspace.project.teacher_answers / ANSWERS_FILE
        if not file.exists():
            return None
        with Ledger(file) as ledger:
            return ledger.pace(self.settings.teacher.name)

    def answers_so_far(self) -> dict[Teacher, list[str]]:
        """Keys of the answers that teacher and judge gave to this command, new ones and kept ones."""
        return {model: model.answered for model in self._opened}

    def answers_since(self, before: Mapping[Teacher, Sequence[str]]) -> set[str]:
        """Keys of the answers given after `before` was taken by `answers_so_far`."""
        return {key for model, keys in self.answers_so_far().items() for key in keys[len(before.get(model, ())) :]}

    def usage_of(self, keys: Collection[str], before: TeacherUsage) -> TeacherUsage:
        """Usage behind these answers, whichever command paid for them; the seconds are those since `before`."""
        usage = next((model.usage_of(keys) for model in self._opened), TeacherUsage())
        return usage.model_copy(update={"seconds": self.spent.seconds - before.seconds})
