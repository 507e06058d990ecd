"""Splits → a data set that is named by its content and never changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from anytasktune.datasets.split import seeded_order
from anytasktune.datasets.write_rows import jsonl_text
from anytasktune.ids import content_id, text_hash
from anytasktune.schema import DatasetManifest, Example, GeneratedRows, Lineage, RowCounts, SplitInfo, SplitName, Task
from anytasktune.settings import SplitConfig
from anytasktune.store import hash_of_rows, jsonl, read_hashed_rows, read_manifest, write_artifact_folder

LINEAGE_FILE = "lineage.jsonl"


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

    def generated_in(self, split: SplitName, rows: Sequence[Example]) -> int:
        """The number of these rows of a split that a teacher generated."""
        generated = {line.example for line in self.lineage if line.split == split}
        return sum(row.id in generated for row in rows)


@dataclass(frozen=True)
class GeneratedPart:
    """The rows among the splits that a teacher made: facts about them all, and where each comes from."""

    facts: GeneratedRows
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
    made: GeneratedPart | None = None,
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
    facts = made.facts.model_copy(update={"sha256": hash_of_rows(lineage)}) if made else None
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
        generated=facts,
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
    files = {f"{name}.jsonl": jsonl_text(examples) for name, examples in frozen.splits.items()}
    lineage = {LINEAGE_FILE: jsonl(frozen.lineage)} if frozen.manifest.generated else {}
    write_artifact_folder(folder, frozen.manifest, {**files, **lineage, **(beside or {})})


def load_dataset(folder: Path) -> FrozenDataset:
    """Read a data set back, after checking every file against its hash.

    Raises:
        DamagedError: a file is missing, or is not what was frozen; the message names it.
    """
    manifest = read_manifest(folder, DatasetManifest)
    splits = {name: read_hashed_rows(folder / f"{name}.jsonl", Example, info.sha256) for name, info in manifest.splits.items()}
    lineage = read_hashed_rows(folder / LINEAGE_FILE, Lineage, manifest.generated.sha256) if manifest.generated else []
    return FrozenDataset(manifest, splits, lineage)


def _in_order(lineage: Sequence[Lineage], splits: Mapping[SplitName, Sequence[Example]]) -> list[Lineage]:
    of_row = {(line.split, line.example): line for line in lineage}
    rows = ((name, row.id) for name, examples in splits.items() for row in examples)
    return [of_row[row] for row in rows if row in of_row]
