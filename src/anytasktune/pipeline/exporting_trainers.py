"""`export --to llamafactory|axolotl|swift`: a task's rows and a config, so that another program trains on the same data."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from anytasktune.datasets.exporting import ExportFormat
from anytasktune.exporting.trainer_configs import OUTPUT_FOLDER, Trainer, TrainerJob, trainer_config
from anytasktune.invocation import quoted
from anytasktune.models.resolve import existing_path
from anytasktune.pipeline.dataset_views import current_dataset, export_datasets
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Task
from anytasktune.settings import Settings
from anytasktune.store import exporting, write_atomic
from anytasktune.training.presets import default_epochs, default_learning_rate, default_rank

_LARGE_MODEL = 4096
"""Hidden size taken for a model that is not looked at: these configs are for models that are not here."""


@dataclass(frozen=True)
class TrainerChoices:
    """Choices of one export for a trainer.

    Attributes:
        out: folder to write below; a task goes to `<task>/<trainer>` in it.
        gpus: of the machine that trains.
        quantised: train on the base model in 4 bits (QLoRA).
        force: overwrite files that this program did not write.
    """

    trainer: Trainer
    out: Path
    gpus: int = 1
    quantised: bool = False
    force: bool = False


@dataclass(frozen=True)
class TrainerExport:
    """Rows and config of one task for another trainer.

    Attributes:
        train, take_over: the commands that train, and that import the adapter afterwards.
        changed: sentences on settings that are other ones there.
    """

    task: str
    folder: Path
    train: str
    take_over: str
    changed: tuple[str, ...] = ()


def export_for_trainer(
    workspace: Workspace,
    task: Task,
    choices: TrainerChoices,
    settings: Settings,
    on_event: OnEvent | None = None,
) -> TrainerExport:
    """Write a task's rows and the config that trains on them, with the settings of this project.

    Raises:
        DataError: the task has no rows that can be used.
        StoreError: files that this program did not write stand in the way.
    """
    trainer, force, config = choices.trainer, choices.force, settings.train
    folder = choices.out / task.name / trainer
    layout: ExportFormat = "llama-factory" if trainer == "llamafactory" else "messages"
    files = export_datasets(workspace, [task], folder, layout, force=force, on_event=on_event)
    rows = [file.relative_to(folder) for file in files if file.suffix in {".json", ".jsonl"}]
    count = len(current_dataset(workspace, task, on_event).frozen.splits.get("train", []))
    place = existing_path(config.model)

    def parts(split: str) -> list[str]:
        if trainer == "llamafactory":
            return [path.stem for path in rows if path.stem == f"{task.name}_{split}"]
        return [path.as_posix() for path in rows if path.name.startswith(f"{split}.")]

    job = TrainerJob(
        model=str(place.resolve()) if place else config.model,
        train=parts("train"),
        dev=parts("dev"),
        rank=config.rank or default_rank(count),
        alpha=config.alpha or 32.0,
        learning_rate=config.learning_rate or default_learning_rate(_LARGE_MODEL),
        epochs=config.epochs or default_epochs(max(1, count), 1.0),
        batch_size=config.batch_size,
        max_length=config.max_length,
        seed=config.seed,
        gpus=choices.gpus,
        quantised=choices.quantised,
    )
    made = trainer_config(trainer, job)
    with exporting(folder, force=force) as staged:
        for name, text in made.files.items():
            write_atomic(staged / name, text)
    adapter = folder / OUTPUT_FOLDER
    take_over = workspace.project.command("import-adapter", adapter, "--task", task.name, "--base", job.model)
    return TrainerExport(task.name, folder, f"cd {quoted(str(folder))} && {made.command}", take_over, tuple(_changed(job)))


def _changed(job: TrainerJob) -> Iterator[str]:
    """Settings of this project that the trainer does not take as they are."""
    if job.rows_per_step != job.batch_size:
        passes = f"{job.gpus} GPUs × {job.accumulation}"
        yield f"a step takes {job.rows_per_step} rows ({passes}), not the {job.batch_size} of train.batch_size"
    if job.whole_alpha != job.alpha:
        yield f"alpha is {job.whole_alpha}, not {job.alpha:g}: this trainer takes whole numbers"
