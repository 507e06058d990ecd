"""Task-LMs as they were trained: an adapter is used with the instruction, rendering and decoding recorded beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anytasktune.chat import PromptFormat
from anytasktune.errors import DamagedError, ModelError
from anytasktune.ids import file_hash
from anytasktune.inference.few_shot import NO_SHOTS
from anytasktune.inference.label_head import LabelHead
from anytasktune.inference.task_predictor import BATCH_TOKENS, OnRows, TaskPredictor
from anytasktune.models.load import BaseLM, load_base, name_of
from anytasktune.models.lora import WEIGHTS_FILE, Adapter
from anytasktune.schema import Answer, Decoding, Example, Task, TaskLMManifest
from anytasktune.store import check_sums
from anytasktune.store.run_folder import read_task_lm

LABEL_HEADS = "label_heads"
"""Folder beside an adapter that holds a folder per label task."""


@dataclass(frozen=True)
class TaskLM:
    """A Task-LM in memory: a base model, the adapter, what the adapter was trained for, and the heads of its label tasks."""

    manifest: TaskLMManifest
    base: BaseLM
    adapter: Adapter
    label_heads: Mapping[str, LabelHead] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, base: BaseLM | None = None) -> "TaskLM":
        """Read a Task-LM and check that its weights and its base model are those it was trained with.

        Args:
            folder: holds the adapter's files and `task_lm.json`.
            base: its base model, where that is in memory; loaded unless given.

        Raises:
            ModelError: a file is missing, damaged or was changed, the base model is another one, or it is not given and was a
                folder that this machine does not know.
        """
        manifest = read_task_lm(folder)
        if base is None:
            name = name_of(manifest.base_model)
            if name is None:
                what = f"its base model {manifest.base_model.name!r} was a folder or file of the machine that trained it, "
                what += "and is not known here"
                fix = "load it and hand it over: TaskLM.load(folder, base=load_base(PATH))"
                raise ModelError(what, where=str(folder), fix=fix)
            base = load_base(name)
        if base.ref.fingerprint != manifest.base_model.fingerprint:
            what = f"trained on {manifest.base_model.name} ({manifest.base_model.fingerprint}), not on {base.ref.name} "
            what += f"({base.ref.fingerprint})"
            raise ModelError(what, where=str(folder), fix="use its own base model, or train it again on this one")
        check_task_lm(folder, manifest)
        heads = {task: LabelHead.load(folder / LABEL_HEADS / task, record) for task, record in manifest.label_heads.items()}
        return cls(manifest, base, Adapter.load(base.model, folder), heads)

    def model(self, task: str = "") -> TaskPredictor:
        """The model for one of its tasks, by name; the first one unless given."""
        trained = self.manifest.task(task or self.manifest.tasks[0].name)
        format_ = PromptFormat(self.base.format.tokenizer, self.manifest.rendering)
        head = self.label_heads.get(trained.name)
        return TaskPredictor(self.base, trained, self.manifest.decoding[trained.name], NO_SHOTS, format_, self.adapter, head)

    def on_other_task(self, task: Task, decoding: Decoding) -> TaskPredictor:
        """The base model with this adapter for a task that it was not trained for."""
        format_ = PromptFormat(self.base.format.tokenizer, self.manifest.rendering)
        return TaskPredictor(self.base, task, decoding, NO_SHOTS, format_, self.adapter)

    def answer(
        self,
        examples: Sequence[Example],
        task: str = "",
        *,
        batch_tokens: int = BATCH_TOKENS,
        on_rows: OnRows = lambda _: None,
    ) -> list[Answer]:
        """Answer examples of one of its tasks, the first one unless named; see `TaskPredictor.answer`."""
        return self.model(task).answer(examples, batch_tokens=batch_tokens, on_rows=on_rows)


def check_task_lm(folder: Path, manifest: TaskLMManifest) -> None:
    """Raise ModelError if a file in the folder of a Task-LM is not what was written."""
    fix = "copy the whole folder again, or train it again"
    try:
        check_sums(folder)
    except DamagedError as error:
        what = f"{Path(error.problems[0].where).name} was changed: {error.problems[0].what}"
        raise ModelError(what, where=str(folder), fix=fix) from None
    weights = folder / WEIGHTS_FILE
    if weights.is_file() and file_hash(weights) != manifest.adapter_sha256:
        raise ModelError(f"{WEIGHTS_FILE} was changed: its SHA-256 is not the recorded one", where=str(folder), fix=fix)
