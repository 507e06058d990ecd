"""Splits → a data set that is named by its content and never changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from anytasktune.datasets.splitting import seeded_order
from anytasktune.datasets.writing import jsonl_text
from anytasktune.errors import StoreError
from anytasktune.ids import content_id, text_hash
from anytasktune.schema import DatasetManifest, Example, RowCounts, SplitConfig, SplitInfo, SplitName, Task
from anytasktune.store import building, read_record, write_atomic, write_record

MANIFEST_FILE = "manifest.json"
_FIX = "it was changed after it was made: delete the folder and import the data again"


@dataclass(frozen=True)
class FrozenDataset:
    """A data set: its manifest and its rows."""

    manifest: DatasetManifest
    splits: dict[SplitName, list[Example]]


def freeze(
    task: Task,
    splits: Mapping[SplitName, Sequence[Example]],
    *,
    counts: RowCounts,
    sources: Mapping[str, str],
    split_by: Literal["given", "grouped"],
    config: SplitConfig,
    code_version: str,
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

    Returns:
        The data set; equal rows give an equal id, whatever order they come in.
    """
    ordered = {name: seeded_order(examples, config.seed) for name, examples in splits.items()}
    infos = {name: SplitInfo(rows=len(rows), sha256=text_hash(jsonl_text(rows))) for name, rows in ordered.items()}
    identity = [task.name, {name: info.sha256 for name, info in infos.items()}]
    manifest = DatasetManifest(
        id=content_id(identity),
        task=task.name,
        splits=infos,
        counts=counts,
        sources=dict(sources),
        split_by=split_by,
        config=config,
        code_version=code_version,
    )
    return FrozenDataset(manifest, ordered)


def save_dataset(frozen: FrozenDataset, folder: Path) -> None:
    """Write `manifest.json` and one JSONL file per split; the folder appears whole or not at all.

    Raises:
        StoreError: the disk is full, read-only, or the like.
    """
    with building(folder) as temporary:
        for name, examples in frozen.splits.items():
            write_atomic(temporary / _split_file(name), jsonl_text(examples))
        write_record(temporary / MANIFEST_FILE, frozen.manifest)


def load_dataset(folder: Path) -> FrozenDataset:
    """Read a data set back, after checking every split against its hash.

    Raises:
        StoreError: a file is missing, or is not what was frozen; the message names it.
    """
    manifest = read_record(folder / MANIFEST_FILE, DatasetManifest)
    splits = {name: _load_split(folder / _split_file(name), info) for name, info in manifest.splits.items()}
    return FrozenDataset(manifest, splits)


def _split_file(name: SplitName) -> str:
    return f"{name}.jsonl"


def _load_split(path: Path, info: SplitInfo) -> list[Example]:
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise StoreError("the file is missing", where=str(path), fix=_FIX) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"cannot be read: {error}", where=str(path), fix=_FIX) from None
    if text_hash(text) != info.sha256:
        raise StoreError("the content does not match the manifest", where=str(path), fix=_FIX)
    try:
        return [Example.model_validate_json(line) for line in text.split("\n")[:-1]]
    except ValidationError as error:
        raise StoreError(f"not rows of a data set: {error.errors()[0]['msg']}", where=str(path), fix=_FIX) from None
