"""A project with its domain and settings read: what every command starts from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from anytasktune.errors import ConfigError
from anytasktune.schema import Domain, Task
from anytasktune.settings import (
    BuildConfig,
    EvalConfig,
    GateConfig,
    IngestConfig,
    SplitConfig,
    SynthesisConfig,
    TeacherConfig,
    TrainConfig,
)
from anytasktune.settings.yaml_reading import apply_overrides, nearest, parse_record, settable, split_assignment
from anytasktune.store import BUILD_FILE, DOMAIN_FILE, TRAIN_FILE, Project


@dataclass(frozen=True)
class Settings:
    """All settings of a chain of stages."""

    train: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvalConfig = field(default_factory=EvalConfig)
    split: SplitConfig = field(default_factory=SplitConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    synthesis: SynthesisConfig = field(default_factory=SynthesisConfig)
    gates: GateConfig = field(default_factory=GateConfig)
    ingest: IngestConfig = field(default_factory=IngestConfig)

    def with_overrides(self, assignments: Sequence[str]) -> "Settings":
        """Apply `key=value` assignments; a key goes to every config that has it (`seed` is in most).

        Raises:
            ConfigError: for an unknown key, with the nearest right one, or a wrong value.
        """
        configs: dict[str, BaseModel] = {part.name: getattr(self, part.name) for part in fields(self)}
        known = {key for config in configs.values() for key in settable(type(config))}
        for assignment in assignments:
            key, _ = split_assignment(assignment)
            if key not in known:
                raise ConfigError(f"unknown setting {key!r}", where=f"-c {assignment}", fix=nearest(key, known))
        changed: dict[str, Any] = {name: apply_overrides(config, _of(config, assignments)) for name, config in configs.items()}
        return Settings(**changed)


def _of(config: BaseModel, assignments: Sequence[str]) -> list[str]:
    return [assignment for assignment in assignments if split_assignment(assignment)[0] in settable(type(config))]


@dataclass(frozen=True)
class Workspace:
    """An opened project."""

    project: Project
    domain: Domain

    @classmethod
    def open(cls, folder: Path | str = ".") -> "Workspace":
        """Read the project in `folder`.

        Raises:
            ConfigError: if there is no project, or `domain.yaml` is wrong (with every wrong line).
        """
        project = Project.open(folder)
        return cls(project, parse_record(Domain, _text(project.domain_file), DOMAIN_FILE))

    def settings(self, overrides: Sequence[str] = ()) -> Settings:
        """The settings of `train.yaml` and `build.yaml`, where they exist, with `key=value` overrides applied."""
        train, build = TrainConfig(), BuildConfig()
        if self.project.train_file.exists():
            train = parse_record(TrainConfig, _text(self.project.train_file), TRAIN_FILE)
        if self.project.build_file.exists():
            build = parse_record(BuildConfig, _text(self.project.build_file), BUILD_FILE)
        settings = Settings(
            train=train, teacher=build.teacher, synthesis=build.synthesis, gates=build.gates, ingest=build.ingest
        )
        return settings.with_overrides(overrides)

    def tasks(self, names: Sequence[str] = ()) -> list[Task]:
        """The tasks of these names, in the order of the Task Pool; all of them when none is named.

        Raises:
            ConfigError: for a name that is in no task, or a pool without tasks.
        """
        known = [task.name for task in self.domain.tasks]
        for name in names:
            if name not in known:
                raise ConfigError(f"there is no task {name!r}", where=DOMAIN_FILE, fix=nearest(name, known))
        if not known:
            fix = "add one under `tasks:`, or import a task folder: anytasktune import FOLDER"
            raise ConfigError("the Task Pool is empty", where=DOMAIN_FILE, fix=fix)
        return [task for task in self.domain.tasks if not names or task.name in names]


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError("not UTF-8 text", where=f"{path.name}:{line}", fix="save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
