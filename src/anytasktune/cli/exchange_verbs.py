"""`export` and `import-adapter`: Task-LMs for other programs, and adapters from them."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

import typer

from anytasktune.cli.console import DONE, UsageError, print_json, say
from anytasktune.cli.options import ChosenTasks, Force, Json, ProgressForm, ProjectFolder, UseOverrides, open_project

if TYPE_CHECKING:
    from anytasktune.pipeline import Settings, Workspace
    from anytasktune.pipeline.exporting_models import ExportedModel
    from anytasktune.pipeline.exporting_trainers import TrainerChoices

_Exported = Literal["peft", "merged", "gguf", "gguf-lora", "ollama", "vllm"]
_Trainer = Literal["llamafactory", "axolotl", "swift"]
_Form = Literal[_Exported, _Trainer]
_SYSTEMS = {"task": "tuned", "action": "action", "mixed": "mixed"}


def export(
    tasks: ChosenTasks = None,
    every: Annotated[bool, typer.Option("--all", help="Export the Task-LMs of all tasks.")] = False,
    to: Annotated[
        _Form,
        typer.Option(
            help="`peft`: the adapter with a card and use.py; `merged`: safetensors with the adapter added; "
            "`gguf`: the same for llama.cpp; `gguf-lora`: base model and adapter apart; "
            "`ollama`: GGUF with a Modelfile; `vllm`: the adapter with the command that serves it; "
            "`llamafactory`, `axolotl`, `swift`: rows and a config to train elsewhere."
        ),
    ] = "peft",
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder to write to, relative to the current folder; a task goes to TASK/FORM in it."),
    ] = Path("export"),
    granularity: Annotated[
        Literal["task", "action", "mixed"],
        typer.Option("--granularity", "-g", help="The task's own Task-LM, its Action-LM, or the Mixed-LM."),
    ] = "task",
    version: Annotated[
        str,
        typer.Option(
            metavar="VERSION",
            help="`production`: the promoted version; else the beginning of the id of a run or Task-LM (`versions TASK` lists "
            "them). Default: the newest.",
        ),
    ] = "",
    quantize: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="Number format of the weights with --to merged, gguf, gguf-lora or ollama: f32, f16, bf16, and in GGUF q8_0; "
            "for other types the llama.cpp command is printed.",
        ),
    ] = None,
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="Write the copy even if it answers differently; its card says so.")
    ] = False,
    gpus: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            metavar="N",
            help="With --to llamafactory, axolotl, swift: GPUs of the machine that trains; above 1 they share the model, by "
            "FSDP or DeepSpeed.",
        ),
    ] = None,
    method: Annotated[
        Literal["lora", "qlora"] | None,
        typer.Option(help="With the same: `lora`, or `qlora` to train on the base model in 4 bits. Default: lora."),
    ] = None,
    force: Force = False,
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Write Task-LMs for other programs and check on dev rows that the copies answer the same."""
    if bool(tasks) == every:
        raise UsageError(
            "no task is named" if not tasks else "--all and names of tasks exclude each other", fix="name tasks, or give --all"
        )
    if version and (granularity != "task" or to in get_args(_Trainer)):
        fix = "leave one of them out" if granularity != "task" else "leave --version out: it exports rows and a config"
        raise UsageError(
            f"--version and {'--granularity' if granularity != 'task' else f'--to {to}'} exclude each other", fix=fix
        )
    if to not in get_args(_Trainer) and (gpus or method):
        fix = "leave it out, or export rows and a config: --to axolotl, llamafactory or swift"
        raise UsageError(f"{'--gpus' if gpus else '--method'} is for training elsewhere, not for --to {to}", fix=fix)
    workspace, settings = open_project(project, tasks or (), overrides)
    if to in get_args(_Trainer):
        from anytasktune.pipeline.exporting_trainers import TrainerChoices

        choices = TrainerChoices(cast(_Trainer, to), out, gpus or 1, quantised=method == "qlora", force=force)
        return _export_for_trainer(workspace, tasks or (), choices, settings, progress, as_json=as_json)
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.exporting_models import ExportOptions, export_task_lms, number_format

    form = cast(_Exported, to)
    options = ExportOptions(
        form,
        out,
        _SYSTEMS[granularity],
        version,
        number_format=number_format(quantize, form),
        force=force,
        accept_differences=accept_differences,
    )
    with reporter(progress, workspace) as on_event:
        exported = export_task_lms(workspace, tasks or (), options, settings, on_event)
    if as_json:
        print_json([_document(item) for item in exported])
        return DONE
    for item in exported:
        say(f"{item.folder}")
        say(f"  {_parity(item)}")
        if item.since_training is not None and not item.since_training.ok:
            say(f"  the Task-LM itself differs from when it was trained: {item.since_training.first_difference}")
        if item.has_head:
            say("  the report's answers also use a label head, which other programs cannot run; README.md has both scores")
    return DONE


def _export_for_trainer(
    workspace: "Workspace",
    tasks: Sequence[str],
    choices: "TrainerChoices",
    settings: "Settings",
    progress: Literal["text", "json"],
    *,
    as_json: bool,
) -> int:
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.exporting_trainers import export_for_trainer

    with reporter(progress, workspace) as on_event:
        made = [export_for_trainer(workspace, task, choices, settings, on_event) for task in workspace.tasks(tasks)]
    if as_json:
        print_json([asdict(item) | {"folder": str(item.folder)} for item in made])
        return DONE
    for item in made:
        say(f"{item.folder}")
        for sentence in item.changed:
            say(f"  ! {sentence}")
        say(f"  train: {item.train}")
        say(f"  then:  {item.take_over}")
    return DONE


def import_adapter(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Folder with adapter_config.json and adapter_model.safetensors, or with one checkpoint that has them.",
        ),
    ],
    task: Annotated[str, typer.Option("--task", "-t", help="Task it was trained for.")],
    base: Annotated[str, typer.Option(help="Base model; default: the one adapter_config.json names.")] = "",
    project: ProjectFolder = Path(),
    overrides: UseOverrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Take over a LoRA adapter that Axolotl, LLaMA-Factory, ms-swift, TRL or PEFT trained, to be used like a Task-LM."""
    workspace, settings = open_project(project, [task], overrides)
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.importing_adapters import import_adapter as take_over

    with reporter(progress, workspace) as on_event:
        taken = take_over(workspace, source, task, base, settings, on_event)
    losses = {"dev_rows": taken.dev_rows, "loss_without": taken.loss_before, "loss": taken.loss}
    if as_json:
        print_json(taken.run.model_dump(mode="json") | losses | {"adapter": str(taken.folder)})
        return DONE
    say(f"{task}: {taken.folder}")
    say(f"  loss on {taken.dev_rows} dev rows: {taken.loss_before:.3f} without the adapter, {taken.loss:.3f} with it")
    say(f"  measure it: {workspace.project.command('eval', task)}")
    return DONE


def _parity(item: "ExportedModel") -> str:
    parity = item.facts.parity
    if parity is None:
        return f"parity not checked: {item.facts.unchecked}"
    if not parity.ok:
        return f"differs from the Task-LM: {parity.first_difference}"
    scores = f"score {parity.score:.3f}" if parity.score is not None else "no score"
    reported = f", {parity.reported_score:.3f} as the report counts" if parity.reported_score is not None else ""
    return f"parity holds on {parity.rows} dev rows, checked with {parity.checked_with}: {scores}{reported}"


def _document(item: "ExportedModel") -> dict[str, Any]:
    parity = item.facts.parity.model_dump(mode="json") if item.facts.parity else None
    return {
        "task": item.task,
        "folder": str(item.folder),
        "form": item.facts.form,
        "number_format": item.facts.number_format,
        "parity": parity,
        "unchecked": item.facts.unchecked,
        "label_head": item.has_head,
        "since_training": item.since_training.model_dump(mode="json") if item.since_training else None,
    }
