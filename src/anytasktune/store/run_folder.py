"""The folder of a training run, `artifacts/runs/<target>/<id>/`: record, log of steps, Task-LM, golden prompts."""

from pathlib import Path

from anytasktune.errors import ModelError, StoreError
from anytasktune.schema import Run, TaskLMManifest
from anytasktune.store.checksums import check_sums
from anytasktune.store.record_files import read_record

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
ADAPTER_FOLDER = "adapter"
GOLDEN_FILE = "golden.json"
TASK_LM_FILE = "task_lm.json"


def finished_run(folder: Path) -> Run | None:
    """The run in `folder`, if it is finished and its adapter is still there; DamagedError if either was changed."""
    path, adapter = folder / RUN_FILE, folder / ADAPTER_FOLDER
    if not path.exists() or not adapter.is_dir():
        return None
    check_sums(adapter)
    return read_record(path, Run)


def read_task_lm(folder: Path) -> TaskLMManifest:
    """The record beside an adapter; ModelError if it is missing or damaged."""
    try:
        return read_record(folder / TASK_LM_FILE, TaskLMManifest)
    except StoreError as error:
        what = f"no readable {TASK_LM_FILE}: {error.problems[0].what}"
        raise ModelError(what, where=str(folder), fix="train it again") from None
