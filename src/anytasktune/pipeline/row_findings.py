"""Warnings about the rows of a task before it is trained, each with its place in `data/` or `domain.yaml`."""

import contextlib
from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from anytasktune.datasets import FrozenDataset, load_dataset
from anytasktune.errors import StoreError
from anytasktune.models.catalog import speaker_of
from anytasktune.pipeline.pool_checking import placed_in_domain
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import BaseModelRef, Example, Run, Task
from anytasktune.store import Project, read_record, read_ref
from anytasktune.store.run_folder import RUN_FILE
from anytasktune.tasks import Finding
from anytasktune.tasks.split_checks import Place, foreign_model, learned_test_rows, split_findings


def row_findings(
    workspace: Workspace,
    task: Task,
    dataset: FrozenDataset,
    model: tuple[BaseModelRef, PreTrainedTokenizerBase],
    place: Place,
) -> Sequence[Finding]:
    """Contradicting rows, labels and splits without rows, and rows in a language the model does not speak."""
    ref, tokenizer = model

    def count_tokens(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    found = split_findings(task, dataset.splits, place)
    found += learned_test_rows(task, dataset.splits, place, _learned_before(workspace.project, task, dataset))
    found += foreign_model(task, dataset.splits, place, count_tokens, ref.name, speaker_of("zh"))
    return placed_in_domain(workspace, found)


def _learned_before(project: Project, task: Task, dataset: FrozenDataset) -> dict[str, Sequence[Example]]:
    """The last Task-LM of each adapter target that learned other rows of the task than those of `dataset` → what it learned."""
    learned: dict[str, Sequence[Example]] = {}
    for folder in sorted(project.runs("any").parent.glob("*/")):
        last = read_ref(folder)
        with contextlib.suppress(StoreError):  # what is gone or damaged is compared with nothing, and is said elsewhere
            run = read_record(folder / last / RUN_FILE, Run) if last else None
            if run is not None and run.datasets.get(task.name) not in {None, dataset.manifest.id}:
                before = load_dataset(project.datasets(task.name) / run.datasets[task.name])
                learned[f"Task-LM {run.target} ({run.id})"] = before.splits.get("train", [])
    return learned
