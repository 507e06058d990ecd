"""Frozen data sets in the layouts other programs train from.

A task's instruction depends on the language, so a file holds rows of one language (`train.en.jsonl`) where a data set has
several; only LLaMA-Factory, which reads an instruction per row, gets them in one file.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from ruamel.yaml import YAML

from anytasktune.datasets.dataset_facts import OWN
from anytasktune.datasets.freeze import FrozenDataset
from anytasktune.datasets.write_rows import WriteFormat, json_text, laid_out, write_table
from anytasktune.errors import ConfigError
from anytasktune.records import Language
from anytasktune.schema import SPLIT_NAMES, Example, Lineage, SplitName, Task
from anytasktune.settings.yaml_reading import nearest
from anytasktune.store import exporting, write_atomic

ExportFormat = Literal["alpaca", "sharegpt", "messages", "parquet", "hf", "llama-factory"]
COLUMNS = ("instruction", "input", "output", "language", "source", "id", "task", "split", "origin", "teacher")
"""Of parquet files and Hugging Face folders, all of them text."""

INFO_FILE = "dataset_info.json"
_HUB_NAMES: dict[SplitName, str] = {"train": "train", "dev": "validation", "test": "test"}
_SHAREGPT = {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt", "system_tag": "system"}
_MESSAGES = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
_READ_AS: dict[str, dict[str, Any]] = {
    "alpaca": {"columns": {"system": "instruction", "prompt": "input", "response": "output"}},
    "sharegpt": {"formatting": "sharegpt", "columns": {"messages": "conversations"}, "tags": _SHAREGPT},
    "messages": {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _MESSAGES},
}
"""How LLaMA-Factory is told to read a layout, such that the instruction becomes the system message."""


@dataclass(frozen=True)
class ExportedTask:
    """A task's data set, and the files that explain it.

    Attributes:
        beside: name → text of what is written beside the rows, such as the card.
    """

    task: Task
    frozen: FrozenDataset
    beside: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Part:
    """The rows of one file: those of a split, or of one language in it."""

    split: SplitName
    language: Language | None
    rows: Sequence[Example]

    def name(self, ending: str, split: str = "") -> str:
        return ".".join(part for part in (split or self.split, self.language, ending) if part)


def export(
    exported: Sequence[ExportedTask],
    folder: Path,
    format: ExportFormat,
    *,
    metadata: bool = False,
    title: str = "",
    force: bool = False,
) -> list[Path]:
    """Write data sets below `folder`, each file whole or not at all; files of an earlier export are replaced, no others.

    Args:
        exported: the data sets.
        folder: where to. Rows go to `<task>/<split>.<ending>`; for LLaMA-Factory to `<task>_<split>.json`.
        format: how to lay rows out. `hf` is a folder that `datasets.load_dataset` reads, with a config per task.
        metadata: in `alpaca`, `sharegpt`, `messages` and `llama-factory`, give every row id, task, split, origin and teacher
            under `metadata`; parquet files have them as columns anyway.
        title: what the whole is called, in the README of `hf`.
        force: replace other files, too.

    Returns:
        The files written.

    Raises:
        ConfigError: no such format.
        StoreError: files that this program did not write stand in the way, or the disk is full, read-only, or the like.
    """
    if format not in get_args(ExportFormat):
        raise ConfigError(f"there is no format {format!r}", where="--format", fix=nearest(format, get_args(ExportFormat)))
    with exporting(folder, force=force) as staged:
        if format == "llama-factory":
            files = list(_write_llama_factory(exported, staged, metadata))
        elif format in {"parquet", "hf"}:
            files = list(_write_parquet(exported, staged, title if format == "hf" else None))
        else:
            files = list(_write_layout(exported, staged, format, metadata))  # type: ignore[arg-type]
    return [folder / path.relative_to(staged) for path in files]


def _write_layout(exported: Sequence[ExportedTask], folder: Path, layout: WriteFormat, metadata: bool) -> Iterator[Path]:
    info: dict[str, Any] = {}
    for item in exported:
        for part in _parts(item):
            file = f"{item.task.name}/{part.name('jsonl')}"
            yield _write(folder / file, json_text(_rows(item, part, layout, metadata), as_list=False))
            info["_".join(word for word in (item.task.name, part.split, part.language) if word)] = {
                "file_name": file,
                **_READ_AS[layout],
            }
        yield from _write_beside(item, folder / item.task.name)
    yield _write(folder / INFO_FILE, json.dumps(info, ensure_ascii=False, indent=2) + "\n")


def _write_llama_factory(exported: Sequence[ExportedTask], folder: Path, metadata: bool) -> Iterator[Path]:
    info: dict[str, Any] = {}
    for item in exported:
        for split in (name for name in SPLIT_NAMES if item.frozen.splits.get(name)):
            name, part = f"{item.task.name}_{split}", _Part(split, None, item.frozen.splits[split])
            yield _write(folder / f"{name}.json", json_text(_rows(item, part, "alpaca", metadata), as_list=True))
            info[name] = {"file_name": f"{name}.json", **_READ_AS["alpaca"]}
        yield from _write_beside(item, folder / item.task.name)
    yield _write(folder / INFO_FILE, json.dumps(info, ensure_ascii=False, indent=2) + "\n")


def _write_parquet(exported: Sequence[ExportedTask], folder: Path, title: str | None) -> Iterator[Path]:
    """Parquet files; with a title, also the README that makes a Hugging Face data set of the folder."""
    for item in exported:
        for part in _parts(item):
            path = folder / item.task.name / part.name("parquet", _HUB_NAMES[part.split] if title is not None else "")
            write_table(_columns(item, part), path)
            yield path
        yield from _write_beside(item, folder / item.task.name)
    if title is not None:
        yield _write(folder / "README.md", _hub_readme(exported, title))


def _write_beside(item: ExportedTask, folder: Path) -> Iterator[Path]:
    for name, text in item.beside.items():
        yield _write(folder / name, text)


def _write(path: Path, text: str) -> Path:
    write_atomic(path, text)
    return path


def _parts(item: ExportedTask) -> list[_Part]:
    """A part per split, and per language if the data set has several."""
    found: dict[tuple[SplitName, Language], list[Example]] = {}
    for split in SPLIT_NAMES:
        for row in item.frozen.splits.get(split, ()):
            found.setdefault((split, item.task.language_of(row.language)), []).append(row)
    several = len({language for _, language in found}) > 1
    order = sorted(found, key=lambda key: (SPLIT_NAMES.index(key[0]), key[1]))
    return [_Part(split, language if several else None, found[split, language]) for split, language in order]


def _rows(item: ExportedTask, part: _Part, layout: WriteFormat, metadata: bool) -> list[dict[str, Any]]:
    lineage = _lineage(item, part.split)
    rows = []
    for row in part.rows:
        fields = laid_out(row, layout, _instruction(item.task, row))
        rows.append(fields | {"metadata": _sidecar(item.task, part.split, row, lineage)} if metadata else fields)
    return rows


def _columns(item: ExportedTask, part: _Part) -> dict[str, list[str | None]]:
    lineage = _lineage(item, part.split)
    columns: dict[str, list[str | None]] = {name: [] for name in COLUMNS}
    for row in part.rows:
        fields = {"instruction": _instruction(item.task, row), **row.model_dump()}
        for name, value in (fields | _sidecar(item.task, part.split, row, lineage)).items():
            columns[name].append(value)
    return columns


def _lineage(item: ExportedTask, split: SplitName) -> dict[str, Lineage]:
    return {line.example: line for line in item.frozen.lineage if line.split == split}


def _sidecar(task: Task, split: SplitName, row: Example, lineage: Mapping[str, Lineage]) -> dict[str, str | None]:
    line = lineage.get(row.id)
    kind, teacher = (line.origin.kind, line.origin.teacher or None) if line else (OWN, None)
    return {"id": row.id, "task": task.name, "split": split, "origin": kind, "teacher": teacher}


def _instruction(task: Task, row: Example) -> str:
    return task.instruction[task.language_of(row.language)]


def _hub_readme(exported: Sequence[ExportedTask], title: str) -> str:
    """Front matter that names a config per task with its files and columns; below it what each task is."""
    languages = [language for language in ("en", "zh") if any(language in item.task.languages for item in exported)]
    front = {
        "pretty_name": title,
        "language": languages,
        "configs": [_hub_config(item) for item in exported],
        "dataset_info": [_hub_info(item) for item in exported],
    }
    text = io.StringIO()
    yaml = YAML()
    yaml.allow_unicode, yaml.width = True, 4096
    yaml.dump(front, text)
    lines = [f"# {title}", ""]
    for item in exported:
        counts = ", ".join(f"{len(item.frozen.splits[name])} {name}" for name in SPLIT_NAMES if item.frozen.splits.get(name))
        cards = " · ".join(f"[{name}]({item.task.name}/{name})" for name in item.beside if name.endswith(".md"))
        lines += [f"## {item.task.name}", "", f"{counts} rows · {cards}".removesuffix(" · "), ""]
        lines += [f"> {line}" for instruction in item.task.instruction.values() for line in (*instruction.splitlines(), "")]
        lines += ["", f'`datasets.load_dataset(FOLDER, "{item.task.name}")`', ""]
    return f"---\n{text.getvalue()}---\n\n" + "\n".join(lines)


def _hub_config(item: ExportedTask) -> dict[str, Any]:
    files: dict[str, list[str]] = {}
    for part in _parts(item):
        split = _HUB_NAMES[part.split]
        files.setdefault(split, []).append(f"{item.task.name}/{part.name('parquet', split)}")
    data_files = [{"split": split, "path": paths} for split, paths in files.items()]
    return {"config_name": item.task.name, "data_files": data_files}


def _hub_info(item: ExportedTask) -> dict[str, Any]:
    rows = {_HUB_NAMES[name]: len(item.frozen.splits[name]) for name in SPLIT_NAMES if item.frozen.splits.get(name)}
    return {
        "config_name": item.task.name,
        "features": [{"name": name, "dtype": "string"} for name in COLUMNS],
        "splits": [{"name": name, "num_examples": count} for name, count in rows.items()],
    }
