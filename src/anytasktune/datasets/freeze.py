"""Splits → a data set that is named by its content and never changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from anytasktune.datasets.split import seeded_order
from anytasktune.datasets.write_rows import jsonl_text
from anytasktune.errors import StoreError
from anytasktune.ids import content_id, text_hash
from anytasktune.schema import DatasetManifest, Example, Lineage, MadeRows, RowCounts, SplitInfo, SplitName, Task
from anytasktune.settings import SplitConfig
from anytasktune.store import atomic_folder, read_record, write_atomic, write_record

MANIFEST_FILE, LINEAGE_FILE = "manifest.json", "lineage.jsonl"
AnyRecord = TypeVar("AnyRecord", bound=BaseModel)
_FIX = "it was changed after it was made: delete the folder and import the data again"


@dataclass(frozen=True)
class FrozenDataset:
    """A data set.

    Attributes:
        manifest: what it is made of and how.
        splits: its rows.
        lineage: where those rows come from that a teacher made, in the order of the splits.
    """

    manifest: DatasetManifest
    splits: dict[SplitName, list[Example]]
    lineage: list[Lineage] = field(default_factory=list)


@dataclass(frozen=True)
class MadePart:
    """The rows among the splits that a teacher made: facts about them all, and where each comes from."""

    facts: MadeRows
    lineage: Sequence[Lineage]


def freeze(
    task: Task,
    splits: Mapping[SplitName, Sequence[Example]],
    *,
    counts: RowCounts,
    sources: Mapping[str, str],
    split_by: Literal["given", "grouped"],
    config: SplitConfig,
    code_version: str,
    made: MadePart | None = None,
) -> FrozenDataset:
    """Put the rows in their seeded order and name the whole by its content.

    Args:
        task: the task the rows belong to; its name is part of the id.
        splits: the rows.
        counts: what became of the rows of the sources.
        sources: file → SHA-256 of what was read.
        split_by: whether the sources came split.
        config: how they were (or would have been) split; its seed orders the rows.
        code_version: version of this program.
        made: of the rows a teacher made, where there are any.

    Returns:
        The data set; equal rows (with an equal lineage) give an equal id, whatever order they come in.
    """
    ordered = {name: seeded_order(examples, config.seed) for name, examples in splits.items()}
    infos = {name: SplitInfo(rows=len(rows), sha256=text_hash(jsonl_text(rows))) for name, rows in ordered.items()}
    lineage = _in_order(made.lineage, ordered) if made else []
    facts = made.facts.model_copy(update={"sha256": text_hash(_lineage_text(lineage))}) if made else None
    identity = [task.name, {name: info.sha256 for name, info in infos.items()}, *([facts.sha256] if facts else [])]
    manifest = DatasetManifest(
        id=content_id(identity),
        task=task.name,
        splits=infos,
        counts=counts,
        sources=dict(sources),
        split_by=split_by,
        config=config,
        code_version=code_version,
        made=facts,
    )
    return FrozenDataset(manifest, ordered, lineage)


def save_dataset(frozen: FrozenDataset, folder: Path, beside: Mapping[str, str] | None = None) -> None:
    """Write `manifest.json`, one JSONL file per split and, where rows were made, their lineage.

    The folder appears whole or not at all.

    Args:
        frozen: the data set.
        folder: where to; not there yet.
        beside: further files, their names and texts.

    Raises:
        StoreError: the disk is full, read-only, or the like.
    """
    with atomic_folder(folder) as temporary:
        for name, examples in frozen.splits.items():
            write_atomic(temporary / _split_file(name), jsonl_text(examples))
        if frozen.manifest.made:
            write_atomic(temporary / LINEAGE_FILE, _lineage_text(frozen.lineage))
        for file, text in (beside or {}).items():
            write_atomic(temporary / file, text)
        write_record(temporary / MANIFEST_FILE, frozen.manifest)


def load_dataset(folder: Path) -> FrozenDataset:
    """Read a data set back, after checking every split and the lineage against its hash.

    Raises:
        StoreError: a file is missing, or is not what was frozen; the message names it.
    """
    manifest = read_record(folder / MANIFEST_FILE, DatasetManifest)
    splits = {name: _load_lines(folder / _split_file(name), info.sha256, Example) for name, info in manifest.splits.items()}
    lineage = _load_lines(folder / LINEAGE_FILE, manifest.made.sha256, Lineage) if manifest.made else []
    return FrozenDataset(manifest, splits, lineage)


def _in_order(lineage: Sequence[Lineage], splits: Mapping[SplitName, Sequence[Example]]) -> list[Lineage]:
    of_row = {(line.split, line.example): line for line in lineage}
    rows = ((name, row.id) for name, examples in splits.items() for row in examples)
    return [of_row[row] for row in rows if row in of_row]


def _lineage_text(lineage: Sequence[Lineage]) -> str:
    return "".join(line.model_dump_json(exclude_defaults=True) + "\n" for line in lineage)


def _split_file(name: SplitName) -> str:
    return f"{name}.jsonl"


def _load_lines(path: Path, sha256: str, record_type: type[AnyRecord]) -> list[AnyRecord]:
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise StoreError("the file is missing", where=str(path), fix=_FIX) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot be read: {error}", where=str(path), fix=_FIX) from None
    if text_hash(text) != sha256:
        raise StoreError("the content does not match the manifest", where=str(path), fix=_FIX)
    try:
        return [record_type.model_validate_json(line) for line in text.split("\n")[:-1]]
    except ValidationError as error:
        raise StoreError(f"not rows of a data set: {error.errors()[0]['msg']}", where=str(path), fix=_FIX) from None
