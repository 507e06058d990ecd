"""A new project folder: an empty skeleton with a worked example in comments, or the built-in demo."""

import json
from pathlib import Path

from anytasktune.errors import ConfigError
from anytasktune.packs import pack_files
from anytasktune.schema import Domain
from anytasktune.store import DOMAIN_FILE, Project, write_atomic

SCHEMA_FILE = "domain.schema.json"


def init_project(folder: Path, *, pack: str = "empty") -> Project:
    """Make a project in `folder` (new, or without a `domain.yaml`).

    Args:
        pack: `empty`, or `demo` for the built-in example with its rows.

    Raises:
        ConfigError: if there is a project already; nothing is overwritten.
        StoreError: if the folder cannot be written.
    """
    project = Project(folder.resolve())
    if project.domain_file.exists():
        raise ConfigError("there is a project already", where=str(project.domain_file), fix="choose another folder")
    files = pack_files(pack)
    for name in sorted(files, key=lambda name: name == DOMAIN_FILE):  # last: a folder with a domain.yaml is whole
        write_atomic(project.root / name, files[name])
    write_atomic(project.root / ".gitignore", "artifacts/\n")
    write_atomic(project.root / SCHEMA_FILE, json.dumps(Domain.model_json_schema(), indent=2, ensure_ascii=False) + "\n")
    return project
