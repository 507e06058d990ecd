"""A new project folder: an empty skeleton with a worked example in comments, or a pack with its rows."""

import json
import re
from pathlib import Path

from anytasktune.errors import ConfigError
from anytasktune.models.catalog import CATALOG, DEFAULT_MODEL
from anytasktune.packs import pack_files
from anytasktune.packs.contents import files_in_language
from anytasktune.records import Language
from anytasktune.schema import Domain
from anytasktune.store import DOMAIN_FILE, TRAIN_FILE, Project, write_atomic

SCHEMA_FILE = "domain.schema.json"
_MODEL_LINE = re.compile(r"^#? ?model:.*\n?", re.M)


def init_project(folder: Path, *, pack: str = "empty", language: Language | None = None, domain: str | None = None) -> Project:
    """Make a project in `folder` (new, or without a `domain.yaml`).

    Args:
        pack: `empty`, or one of `packs.pack_names()` for its tasks and rows.
        language: take instructions, labels and rows in this language only; `train.yaml` names a model that speaks it.
        domain: the text of `domain.yaml`, in place of the pack's.

    Raises:
        ConfigError: if there is a project already (nothing is overwritten), no such pack, or none of it in that language.
        StoreError: if the folder cannot be written.
    """
    project = Project(folder.resolve())
    if project.domain_file.exists():
        raise ConfigError("there is a project already", where=str(project.domain_file), fix="choose another folder")
    files = pack_files(pack) if language is None else files_in_language(pack, language)
    if language and TRAIN_FILE in files:
        files[TRAIN_FILE] = _with_model_for(language, files[TRAIN_FILE].decode("utf-8")).encode("utf-8")
    if domain is not None:
        files[DOMAIN_FILE] = domain.encode("utf-8")
    for name in sorted(files, key=lambda name: name == DOMAIN_FILE):  # last: a folder with a domain.yaml is whole
        write_atomic(project.root / name, files[name])
    write_atomic(project.root / ".gitignore", "artifacts/\n")
    write_atomic(project.root / SCHEMA_FILE, json.dumps(Domain.model_json_schema(), indent=2, ensure_ascii=False) + "\n")
    return project


def model_for(language: Language) -> str:
    """The smallest model we name that speaks `language`."""
    return next(entry.name for entry in CATALOG if language in entry.languages)


def _with_model_for(language: Language, text: str) -> str:
    model = model_for(language)
    if model == DEFAULT_MODEL:
        return text
    lines = (
        f"model: {model}          # the smallest we name that speaks Chinese; modelscope:{model} where the Hub is not reached\n"
        f"# model: {DEFAULT_MODEL}          # needs no hub, but speaks English: expect little of it in Chinese\n"
    )
    return _MODEL_LINE.sub(lines, text, count=1) if _MODEL_LINE.search(text) else text + lines
