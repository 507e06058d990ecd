"""The tasks a benchmark runs on: task folders of real data where there are any, else the built-in demo's."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anytasktune.datasets import is_task_folder, read_examples, read_task_folder
from anytasktune.pipeline import Workspace, init_project
from anytasktune.records import Language
from anytasktune.schema import Example, Task

TASKS_VARIABLE = "ANYTASKTUNE_BENCH_TASKS"
_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data" / "bench"


@dataclass(frozen=True)
class BenchTask:
    """A task with its rows."""

    task: Task
    train: list[Example]
    test: list[Example]
    dev: list[Example] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.task.name


def tasks_folder(chosen: Path | None) -> Path | None:
    """The folder of task folders: the argument, the variable ANYTASKTUNE_BENCH_TASKS, a neighbour; None: the demo."""
    if chosen is not None:
        return chosen
    if variable := os.environ.get(TASKS_VARIABLE, "").strip():
        return Path(variable)
    return _BESIDE_THE_REPOSITORY if _BESIDE_THE_REPOSITORY.is_dir() else None


def read_tasks(folder: Path | None, names: Sequence[str] = ()) -> list[BenchTask]:
    """All tasks, or those named, in the order of their names.

    Raises:
        SystemExit: if a name is not there.
        DataError: if a task folder is faulty.
    """
    found = _from_folders(folder) if folder is not None else read_pack("demo")
    missing = sorted(set(names) - {task.name for task in found})
    if missing or not found:
        there = ", ".join(task.name for task in found) or "none"
        raise SystemExit(f"no such benchmark task: {', '.join(missing) or folder}; there are: {there}")
    return [task for task in found if not names or task.name in names]


def _from_folders(folder: Path) -> list[BenchTask]:
    found = [read_task_folder(path) for path in sorted(folder.iterdir()) if is_task_folder(path)]
    rows = [{split: part.examples for split, part in item.splits.items()} for item in found]
    return [
        BenchTask(item.task, splits["train"], splits["test"], splits.get("dev", []))
        for item, splits in zip(found, rows, strict=True)
    ]


def read_pack(pack: str, language: Language | None = None) -> list[BenchTask]:
    """The tasks of a pack, in the order of their names, with its rows of one language or of all."""
    with tempfile.TemporaryDirectory(prefix="bench-pack-") as place:
        root = Path(place) / pack
        init_project(root, pack=pack, language=language)
        tasks = sorted(Workspace.open(root).domain.tasks, key=lambda task: task.name)
        return [_pack_task(task, root / "data" / task.name) for task in tasks]


def _pack_task(task: Task, folder: Path) -> BenchTask:
    files = [folder / f"{split}.jsonl" for split in ("train", "test", "dev")]
    return BenchTask(task, *(read_examples(file).examples if file.exists() else [] for file in files))
