"""`serve --engine`: Task-LMs in the form that vLLM takes, its process or address, and what is not available through it."""

import asyncio
import contextlib
import json
import os
import signal
import threading
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from anytasktune.errors import ConfigError
from anytasktune.inference.task_lm import check_task_lm
from anytasktune.invocation import quoted
from anytasktune.models.adapter_exchange import MOST_GENERATING
from anytasktune.models.load import ModelInfo
from anytasktune.models.padded_adapter import rank_of, vllm_rank, write_padded
from anytasktune.models.resolve import resolve_model
from anytasktune.models.tokenizer_folder import write_tokenizer_ending_with
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.events import Finished, Progress, Started
from anytasktune.schema import Decoding, Task, TaskLMManifest
from anytasktune.serving.served_models import ModelCatalog, ServedTaskLM, models_of
from anytasktune.serving.server_metrics import ServerMetrics
from anytasktune.serving.vllm_client import VllmAddress
from anytasktune.serving.vllm_engine import VllmEngine, find_abilities
from anytasktune.serving.vllm_process import KEY_VARIABLE, VllmProcess, vllm_command
from anytasktune.serving.vllm_questions import MOST_SCORED, VllmAbilities
from anytasktune.settings import TrainConfig

OWN_VLLM = "vllm"
"""The value of `--engine` for a vLLM that is started here; others are addresses."""


@dataclass(frozen=True)
class VllmPlan:
    """Task-LMs to serve through vLLM.

    Attributes:
        engine: `vllm`, or the address of one that runs.
        wait_seconds: longest time until a vLLM that is started here answers.
        most_waiting: requests that may be on their way.
        info: facts on their base model.
        config: its name and precision.
        task_lms: with adapters on this base model.
    """

    engine: str
    wait_seconds: float
    most_waiting: int
    info: ModelInfo
    config: TrainConfig
    task_lms: Sequence[ServedTaskLM]


def start_vllm(context: Context, metrics: ServerMetrics, plan: VllmPlan) -> VllmEngine:
    """An engine that answers through vLLM; its process, where one is started here, answers already.

    Raises:
        ConfigError: there is no vLLM here, or the address is none.
        ModelError: it cannot take a Task-LM, does not start, or lacks what is needed.
    """
    arguments = _written_files(context, plan)
    everything = ModelCatalog(plan.info, models_of(plan.info.ref.name, plan.task_lms))
    process = None
    with _ended_by_sigterm():
        try:
            if plan.engine == OWN_VLLM:
                process = _started(context, plan, arguments)
            address = process.address if process else _address(plan.engine)
            ends = plan.info.format.rendering.end_of_turn
            # one that is started here has a tokenizer made for it
            ends_agree = process is not None or ends == [plan.info.format.tokenizer.eos_token_id]
            abilities = asyncio.run(find_abilities(address, everything, ends_agree))
        except BaseException:
            if process is not None:
                process.stop()
            raise
    known = [task_lm for task_lm in plan.task_lms if task_lm.manifest.id in abilities.adapters]
    if absent := [each.manifest.id for each in plan.task_lms if each not in known]:
        context.note(f"the engine does not have {', '.join(absent)}, so they are not served; start it with them:")
        context.note("  vllm serve " + " ".join(quoted(word) for word in arguments))
    answered = [replace(task_lm, manifest=_through_vllm(task_lm.manifest)) for task_lm in known]
    for task_lm in known:
        for difference in differences(task_lm.manifest, abilities):
            context.note(difference)
    return VllmEngine(
        ModelCatalog(plan.info, models_of(plan.info.ref.name, answered)),
        metrics,
        address,
        abilities,
        process=process,
        most_waiting=plan.most_waiting,
        on_fault=context.note,
    )


def _written_files(context: Context, plan: VllmPlan) -> list[str]:
    """Write adapters and the tokenizer as vLLM takes them; returns the arguments of `vllm serve`."""
    folder, model = context.workspace.project.engine, resolve_model(plan.config.model)
    rank = max((vllm_rank(rank_of(task_lm.folder)) for task_lm in plan.task_lms), default=0)
    modules = []
    for task_lm in plan.task_lms:
        check_task_lm(task_lm.folder, task_lm.manifest)
        place = folder / "adapters" / task_lm.manifest.id
        write_padded(task_lm.folder, place, rank)
        modules.append({"name": task_lm.manifest.id, "path": str(place), "base_model_name": plan.info.ref.name})
    write_tokenizer_ending_with(plan.info.format, folder / "tokenizer")
    arguments = [str(model), "--served-model-name", plan.info.ref.name, "--tokenizer", str(folder / "tokenizer")]
    arguments += ["--dtype", plan.config.dtype, "--generation-config", "vllm"]
    arguments += ["--structured-outputs-config.backend", "guidance"]
    if modules:
        count = len(modules)
        arguments += ["--enable-lora", "--max-lora-rank", str(rank), "--max-loras", str(min(count, MOST_GENERATING))]
        arguments += ["--max-cpu-loras", str(count), "--lora-modules", *(json.dumps(module) for module in modules)]
    return arguments


def _started(context: Context, plan: VllmPlan, arguments: Sequence[str]) -> VllmProcess:
    program, log = vllm_command(os.environ), context.workspace.project.engine / "vllm.log"
    context.on_event(Started(stage="engine", name="vLLM", detail=f"{program[0]}, log in {log}"))
    total = max(1, int(plan.wait_seconds))
    process = VllmProcess.start(program, arguments, log)
    try:
        process.wait_until_ready(
            plan.wait_seconds,
            lambda waited: context.on_event(
                Progress(stage="engine", name="vLLM", done=min(total, int(waited)), total=total, detail="s at most")
            ),
        )
    except BaseException:
        process.stop()
        raise
    context.on_event(Finished(stage="engine", name="vLLM", detail=f"{len(plan.task_lms)} Task-LMs"))
    return process


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that no process is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _address(engine: str) -> VllmAddress:
    """The address of a running vLLM; its key stands in `VLLM_API_KEY`."""
    try:
        parts = urllib.parse.urlsplit(engine)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        fix = "take --engine vllm, or an address such as --engine http://127.0.0.1:8001"
        raise ConfigError(f"unknown engine {engine}", where="--engine", fix=fix)
    if parts.username or parts.password or parts.query:
        raise ConfigError(
            "the address holds a name, password or query", where="--engine", fix=f"put the key into {KEY_VARIABLE}"
        )
    path = parts.path.rstrip("/").removesuffix("/v1")
    return VllmAddress(f"{parts.scheme}://{parts.netloc}{path}", os.environ.get(KEY_VARIABLE, "").strip())


def _through_vllm(manifest: TaskLMManifest) -> TaskLMManifest:
    """A Task-LM as vLLM can answer: by its tokens alone, without heads and the thresholds that were chosen with them."""
    decoding = {
        task: each.model_copy(update={"method": "greedy"}) if each.method == "label_set_scoring" else each
        for task, each in manifest.decoding.items()
    }
    thresholds = {task: each for task, each in manifest.thresholds.items() if task not in manifest.label_heads}
    return manifest.model_copy(update={"decoding": decoding, "thresholds": thresholds, "label_heads": {}})


def differences(manifest: TaskLMManifest, abilities: VllmAbilities) -> list[str]:
    """The parts of a Task-LM's answers that cannot be had through vLLM, a sentence per task."""
    lines = []
    for task in manifest.tasks:
        lost = _lost(task, manifest, manifest.decoding[task.name], abilities)
        if lost:
            lines.append(f"{task.name}@{manifest.id}: through vLLM {'; '.join(lost)}")
    return lines


def _lost(task: Task, manifest: TaskLMManifest, decoding: Decoding, abilities: VllmAbilities) -> list[str]:
    lost = []
    if task.name in manifest.label_heads:
        lost.append("its label head does not take part, so answers differ from the report, and none is called unsure")
    possible = max((len(decoding.numbers.get(each) or task.labels_in(each) or []) for each in task.languages), default=0)
    if decoding.scores_answers and possible > MOST_SCORED:
        lost.append(f"its {possible} labels are too many to be scored, so there are no probabilities")
    has_form = any(
        task.output.grammar_reads_input(task.rules)
        or task.output.grammar(task.rules, "", language, decoding.styles.get(language)) is not None
        for language in task.languages
    )
    if has_form and not decoding.scores_answers and decoding.constrained and not abilities.reads_grammars:
        held = "to its JSON Schema alone" if task.output.text_schema is not None else "to nothing"
        lost.append(f"answers are held {held}, not to output and rules")
    if decoding.best_of > 1 and not decoding.scores_answers:
        lost.append("one answer is generated, not the best of several")
    return lost
