"""A new project folder: an empty skeleton with a worked example in comments, or a pack with its rows."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anytasktune import schema, settings
from anytasktune.errors import ConfigError, Problem, counted
from anytasktune.models.catalog import DEFAULT_MODEL, speaker_of
from anytasktune.packs import pack_files, pack_names
from anytasktune.packs.contents import PackSummary, files_in_language, summarise
from anytasktune.records import Artifact, Language, Record
from anytasktune.schema import Domain
from anytasktune.settings import Settings
from anytasktune.settings.yaml_reading import nearest
from anytasktune.store import DOMAIN_FILE, SETTINGS_FILE, Project, write_atomic

SCHEMAS: Mapping[str, type[Artifact]] = {"domain.schema.json": Domain, "settings.schema.json": Settings}
"""Files beside the YAML files they describe, for editors."""
_IGNORED = "artifacts/"
_MODEL_LINE = re.compile(r"^  model:.*\n", re.M)


def init_project(folder: Path, *, pack: str = "empty", language: Language | None = None, domain: str | None = None) -> Project:
    """Make a project in `folder` (new, or without a `domain.yaml`).

    Args:
        pack: `empty`, or one of `packs.pack_names()` for its tasks and rows.
        language: take instructions, labels and rows in this language only; `settings.yaml` names a model that speaks it.
        domain: the text of `domain.yaml`, in place of the pack's.

    Raises:
        ConfigError: if there is a project already, or files of the user's where those of the pack belong (nothing is
            overwritten), no such pack, or none of it in that language.
        StoreError: if the folder cannot be written.
    """
    project = Project.at(folder)
    if project.domain_file.exists():
        raise ConfigError("there is a project already", where=str(project.domain_file), fix="choose another folder")
    files = pack_files(pack) if language is None else files_in_language(pack, language)
    model = speaker_of(language) if language else DEFAULT_MODEL
    if model != DEFAULT_MODEL and SETTINGS_FILE in files:
        lines = (
            f"  model: {model}       # the smallest one that speaks Chinese; modelscope:{model} where the Hub is not reached\n"
            f"  # model: {DEFAULT_MODEL}         # needs no hub, but speaks English: expect little of it in Chinese\n"
        )
        files[SETTINGS_FILE] = _MODEL_LINE.sub(lines, files[SETTINGS_FILE].decode("utf-8"), count=1).encode("utf-8")
    if domain is not None:
        files[DOMAIN_FILE] = domain.encode("utf-8")
    standing = {path: path.read_bytes() for name in files if (path := project.root / name).is_file()}
    in_the_way = [path for path, content in standing.items() if content != files[path.relative_to(project.root).as_posix()]]
    if in_the_way and domain is None:
        fix = "choose another folder, or move the file away"
        raise ConfigError([Problem("stands where a file of the project belongs", str(path), fix) for path in in_the_way])
    files = {name: content for name, content in files.items() if project.root / name not in in_the_way}
    for name in sorted(files, key=lambda name: name == DOMAIN_FILE):  # last: a folder with a domain.yaml is whole
        write_atomic(project.root / name, files[name])
    _ignore_artifacts(project.root / ".gitignore")
    for name, record in SCHEMAS.items():
        write_atomic(project.root / name, json.dumps(record.model_json_schema(), indent=2, ensure_ascii=False) + "\n")
    return project


def _ignore_artifacts(file: Path) -> None:
    """Add the folder of artefacts to a `.gitignore`, which may be the user's."""
    text = file.read_text(encoding="utf-8", errors="surrogateescape") if file.is_file() else ""
    if _IGNORED not in text.split():
        ended = text if text.endswith("\n") or not text else f"{text}\n"
        write_atomic(file, f"{ended}{_IGNORED}\n".encode("utf-8", "surrogateescape"))


def list_packs() -> list[PackSummary]:
    """All packs that have tasks."""
    return [summary for summary in map(summarise, pack_names()) if summary.tasks]


def started(project: Project, pack: str, only: Language | None) -> list[str]:
    """Lines on a project that was made from a pack: rows, card, and the model that fits their language."""
    summary = summarise(pack)
    taken = {language: rows for language, rows in summary.rows.items() if only in (None, language)}
    lines = [
        f"{counted(summary.tasks, 'task')} with {' and '.join(f'{rows} {language}' for language, rows in taken.items())} rows"
    ]
    if (project.root / "CARD.md").exists():
        lines.append("CARD.md says how they were made and what they must not be used for")
    if only == "zh":
        lines.append(f"settings.yaml names {speaker_of('zh')}, which speaks Chinese and comes from a model hub")
        lines.append(f"{DEFAULT_MODEL} needs no hub, but speaks English")
    elif "zh" in taken:
        lines.append(f"{DEFAULT_MODEL} speaks English; for Chinese set train.model to {speaker_of('zh')} in settings.yaml")
    return lines


def json_schemas(name: str | None = None) -> dict[str, Any]:
    """The JSON Schema of one record that is read from or written to disk, or of all of them by name.

    Raises:
        ConfigError: there is no record of this name; says the nearest.
    """
    known: dict[str, type[Record]] = {"Task": schema.Task, "Example": schema.Example}
    for module in (schema, settings):
        for word in module.__all__:
            kind = getattr(module, word)
            if isinstance(kind, type) and issubclass(kind, Artifact if module is schema else Record):
                known[word] = kind
    if name is not None and name not in known:
        raise ConfigError(f"there is no record {name!r}", fix=nearest(name, known))
    schemas = {word: kind.model_json_schema() for word, kind in sorted(known.items())}
    return schemas[name] if name else schemas
