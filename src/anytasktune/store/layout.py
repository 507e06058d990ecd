"""Paths in a project folder; docs/architecture.md#project-folder shows it as a tree."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import ConfigError
from anytasktune.invocation import command, quoted

DOMAIN_FILE = "domain.yaml"
SETTINGS_FILE = "settings.yaml"


@dataclass(frozen=True)
class Project:
    """A project folder and the places in it."""

    root: Path

    @classmethod
    def at(cls, folder: Path | str) -> "Project":
        """The project that is in `folder`, or will be; OSError where links in the path lead in a circle."""
        try:
            return cls(Path(folder).resolve())
        except RuntimeError:  # Python before 3.13 does not say it as the system does
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder)) from None

    @classmethod
    def open(cls, folder: Path | str) -> "Project":
        """The project in `folder`, which may be named by its `domain.yaml`; ConfigError if there is none."""
        project = cls.at(folder)
        if project.root.name == DOMAIN_FILE and project.root.is_file():
            return cls(project.root.parent)
        if not project.domain_file.is_file():
            fix = f"run `{command('init', 'FOLDER')}` to make a project, or give one with -p"
            near = [project.root.parent, *sorted(file.parent for file in project.root.glob(f"*/{DOMAIN_FILE}"))]
            if found := next((place for place in near if (place / DOMAIN_FILE).is_file()), None):
                fix = f"add -p {quoted(str(found))}: there is one"
            raise ConfigError(f"no project here: {DOMAIN_FILE} is missing", where=str(project.root), fix=fix)
        return project

    def command(self, *words: str | Path) -> str:
        """A command on this project that works when it is copied: quoted, with `-p` unless this is the current folder."""
        here = Path.cwd()
        inside = self.root.relative_to(here) if self.root.is_relative_to(here) else self.root
        place = () if inside == Path() else ("-p", inside)
        return command(*words, *place)

    # edited by hand, or only ever added to

    @property
    def domain_file(self) -> Path:
        return self.root / DOMAIN_FILE

    @property
    def settings_file(self) -> Path:
        return self.root / SETTINGS_FILE

    @property
    def interview_file(self) -> Path:
        return self.root / "interview.jsonl"

    @property
    def documents(self) -> Path:
        return self.root / "documents"

    def rows_file(self, task: str) -> Path:
        """Rows that the program splits."""
        return self.root / "data" / f"{task}.jsonl"

    def rows_folder(self, task: str) -> Path:
        """A file per split, where the user split the rows."""
        return self.root / "data" / task

    def reviews(self, task: str) -> Path:
        """A file per reviewer."""
        return self.root / "reviews" / task

    @property
    def use(self) -> Path:
        """Requests that a server recorded, and corrections of answers."""
        return self.root / "use"

    def requests(self, task: str) -> Path:
        return self.use / task / "requests.jsonl"

    def corrections(self, task: str) -> Path:
        return self.use / task / "corrections.jsonl"

    def improvements(self, task: str) -> Path:
        """Plans to mend groups of faults: a folder each, with a table that the user fills in."""
        return self.root / "improve" / task

    @property
    def promotions(self) -> Path:
        """Which Task-LM was in production for which task, since when, and why."""
        return self.root / "promotions.jsonl"

    def human_marks(self, task: str) -> Path:
        """Marks of answers by people, a file per reviewer."""
        return self.root / "marks" / task

    # made by the program: safe to delete, never edited

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def teacher_answers(self) -> Path:
        return self.artifacts / "teacher"

    @property
    def passages(self) -> Path:
        return self.artifacts / "passages"

    @property
    def encoded(self) -> Path:
        """Rows as tokens, a folder per task."""
        return self.artifacts / "encoded"

    @property
    def reports(self) -> Path:
        return self.artifacts / "reports"

    @property
    def seals(self) -> Path:
        return self.artifacts / "seals"

    @property
    def uploads(self) -> Path:
        """Data files given to a page, with what came of their import."""
        return self.artifacts / "uploads"

    @property
    def jobs(self) -> Path:
        """Commands in processes of their own, a folder per job."""
        return self.artifacts / "jobs"

    def feasibility(self, task: str) -> Path:
        return self.artifacts / "feasibility" / task

    def candidates(self, task: str) -> Path:
        return self.artifacts / "candidates" / task

    def gated(self, task: str) -> Path:
        return self.artifacts / "gated" / task

    def datasets(self, task: str) -> Path:
        return self.artifacts / "datasets" / task

    def runs(self, unit: str) -> Path:
        return self.artifacts / "runs" / unit

    def baselines(self, task: str) -> Path:
        """The linear models of a task."""
        return self.artifacts / "baselines" / task

    def learning_curves(self, task: str) -> Path:
        """The learning curves of a task, and below `runs` the training runs on a part of its rows."""
        return self.artifacts / "learning_curves" / task

    def language_transfers(self, task: str) -> Path:
        """Scores by the language of training rows of a task, and below `runs` the training runs on one language."""
        return self.artifacts / "language_transfer" / task

    def judgements(self, task: str) -> Path:
        """Marks of an LLM judge."""
        return self.artifacts / "judgements" / task

    @property
    def routers(self) -> Path:
        """Routers of the whole pool."""
        return self.artifacts / "routers"

    @property
    def router_evaluations(self) -> Path:
        return self.artifacts / "router_evaluations"

    def predictions(self, task: str) -> Path:
        return self.artifacts / "predictions" / task

    @property
    def engine(self) -> Path:
        """Task-LMs as another engine loads them, and its log."""
        return self.artifacts / "engine"

    def answers(self, task: str) -> Path:
        """Answers given to rows of files, a log per system."""
        return self.artifacts / "answers" / task

    @property
    def action_runs(self) -> Path:
        """Runs of actions: a folder per action, and in it one per run."""
        return self.artifacts / "action_runs"

    @property
    def action_evaluations(self) -> Path:
        """Scores of actions, a folder per action."""
        return self.artifacts / "action_evaluations"
