"""The golden prompts of a finished training: kept beside the run, so that an export shows what has changed since."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from anytasktune.inference.golden_prompts import golden_rows
from anytasktune.inference.task_lm import TaskLM
from anytasktune.schema import Example, GoldenRows, SplitName
from anytasktune.store import write_record
from anytasktune.store.run_folder import GOLDEN_FILE


def record_golden(
    run: Path, task_lm: TaskLM, splits: Mapping[str, Mapping[SplitName, Sequence[Example]]], versions: Mapping[str, str]
) -> None:
    """Write how a Task-LM reads and answers dev rows of its tasks; train rows where a task has none.

    Args:
        run: folder of its run.
        splits: by task, the rows of each split.
        versions: of the libraries that compute.
    """
    rows = {task: golden_rows(task_lm.model(task), own.get("dev") or own.get("train", [])) for task, own in splits.items()}
    golden = GoldenRows(task_lm=task_lm.manifest.id, dtype=task_lm.base.dtype, versions=dict(versions), tasks=rows)
    write_record(run / GOLDEN_FILE, golden)
