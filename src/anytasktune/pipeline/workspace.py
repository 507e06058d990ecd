"""A project with its domain and settings read: what every command starts from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import ConfigError
from anytasktune.schema import Domain, Task
from anytasktune.schema.wiring import WiredAction
from anytasktune.settings import Settings
from anytasktune.settings.overrides import apply_overrides, parse_settings
from anytasktune.settings.yaml_reading import nearest, parse_record
from anytasktune.store import DOMAIN_FILE, SETTINGS_FILE, Project, finish_changes


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
        finish_changes(project.root)
        return cls(project, parse_record(Domain, _text(project.domain_file), DOMAIN_FILE))

    def settings(self, overrides: Sequence[str] = ()) -> Settings:
        """The settings of `settings.yaml`, where it exists, with `section.key=value` overrides applied.

        Raises:
            ConfigError: for every wrong line of the file, or an override that is wrong.
        """
        file = self.project.settings_file
        is_there = file.exists() or file.is_symlink()  # a link that leads nowhere was meant to be read
        return apply_overrides(parse_settings(_text(file), SETTINGS_FILE) if is_there else Settings(), overrides)

    def tasks(self, names: Sequence[str] = ()) -> list[Task]:
        """The tasks of these names, in the order of the Task Pool; all of them when none is named.

        Raises:
            ConfigError: for a name that is in no task, or a pool without tasks.
        """
        known = [task.name for task in self.domain.tasks]
        if not known:
            add, take = self.project.command("tasks", "add", "--help"), self.project.command("import", "FOLDER")
            fix = f"add one under `tasks:` or by `{add}`, or import a task folder: {take}"
            raise ConfigError("the Task Pool is empty", where=DOMAIN_FILE, fix=fix)
        for name in names:
            if name not in known:
                parts = re.split(r"\s*[,，、;；]\s*", name)
                fix = f"separate names by spaces: {' '.join(parts)}" if set(parts) <= set(known) else nearest(name, known)
                raise ConfigError(f"there is no task {name!r}", where=DOMAIN_FILE, fix=fix)
        return [task for task in self.domain.tasks if not names or task.name in names]

    def action(self, name: str) -> WiredAction:
        """The action of this name with its tasks and the wiring of its steps; ConfigError if there is none."""
        actions = {action.name: action for action in self.domain.actions}
        if name not in actions:
            fix = nearest(name, actions) if actions else "add one under `actions:`, with the names of its steps in order"
            raise ConfigError(f"there is no action {name!r}", where=DOMAIN_FILE, fix=fix)
        return self.domain.wired(actions[name])


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ConfigError("not UTF-8 text", where=f"{path.name}:{line}", fix="save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from None
