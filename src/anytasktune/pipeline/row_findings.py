"""Warnings about the rows of a task before it is trained, each with its place in `data/` or `domain.yaml`."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from anytasktune.datasets import FrozenDataset
from anytasktune.models.catalog import speaker_of
from anytasktune.pipeline.pool_checking import placed_in_domain
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import BaseModelRef, Task
from anytasktune.tasks import Finding
from anytasktune.tasks.split_checks import Place, foreign_model, split_findings


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
    found += foreign_model(task, dataset.splits, place, count_tokens, ref.name, speaker_of("zh"))
    return placed_in_domain(workspace, found)
