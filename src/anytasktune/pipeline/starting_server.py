"""`serve`: the Task-LMs of a project behind an OpenAI-compatible server on this machine."""

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.errors import ConfigError, DamagedError, disk_error
from anytasktune.models.load import inspect_model, load_base, name_of
from anytasktune.pipeline.context import Context
from anytasktune.pipeline.correcting import keep_from_git
from anytasktune.pipeline.events import OnEvent, Started, ignore_event
from anytasktune.pipeline.production import production_run
from anytasktune.pipeline.recording_requests import RequestRecorder
from anytasktune.pipeline.router_fallback import open_fallback
from anytasktune.pipeline.routing import served_router
from anytasktune.pipeline.serving_actions import ActionServer
from anytasktune.pipeline.starting_vllm import VllmPlan, start_vllm
from anytasktune.pipeline.stored_runs import adapter_folder
from anytasktune.pipeline.teacher_access import Agreed
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import BaseModelRef, Run
from anytasktune.serving.answer_engine import AnswerEngine
from anytasktune.serving.engine_messages import Engine
from anytasktune.serving.fallback_model import FallbackModel
from anytasktune.serving.http_api import http_app
from anytasktune.serving.http_listener import listening
from anytasktune.serving.http_server import AnswerServer
from anytasktune.serving.request_guard import RequestRules
from anytasktune.serving.served_models import ServedModels, ServedTaskLM
from anytasktune.serving.server_metrics import ServerMetrics
from anytasktune.settings import Settings
from anytasktune.store import read_record, read_ref
from anytasktune.store.run_folder import ADAPTER_FOLDER, RUN_FILE, read_task_lm
from anytasktune.training.adapter_targets import targets_with


@dataclass(frozen=True)
class ServerOptions:
    """Options of a server.

    Attributes:
        host: name or address to listen at.
        port: 0 for one that is free.
        token_env: environment variable that holds the token clients must send; empty: no token.
        answer_seconds: longest time from a request to its answer.
        most_waiting: requests that may wait; more are refused.
        engine: what computes the tokens: empty for this process, `vllm` for a vLLM that is started, or the address of one that
            runs.
        engine_wait: longest time until a vLLM that is started answers, in seconds.
        record_requests: keep facts on every request in `use/`, and the texts of unsure and of sampled ones.
        record_share: share of all requests whose texts are kept whatever the answer.
        agreed: consent to sending inputs that fit no task to `router.fallback_url` on another machine.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    token_env: str = ""
    answer_seconds: float = 120.0
    most_waiting: int = 256
    engine: str = ""
    engine_wait: float = 900.0
    record_requests: bool = False
    record_share: float = 0.1
    agreed: Agreed = None


@dataclass(frozen=True)
class _Found:
    """A finished run with its Task-LM."""

    run: Run
    folder: Path
    created: int


def prepare_server(
    workspace: Workspace,
    settings: Settings | None = None,
    options: ServerOptions | None = None,
    on_event: OnEvent | None = None,
) -> AnswerServer:
    """Load the base model, or start the engine, and listen; `AnswerServer.run` then answers requests.

    Raises:
        ConfigError: other machines could reach the server without a token, the address cannot be used, or there is no vLLM.
        ModelError: the base model cannot be loaded, or the engine does not start.
        ConsentError: nobody has agreed that inputs go to `router.fallback_url`.
        EndpointError: that address, or its key, cannot be one.
    """
    options = options or ServerOptions()
    context = Context(workspace, settings or Settings(), on_event or ignore_event)
    rules = RequestRules(token=_token(options), host=options.host)
    log = _request_log(context, options) if options.record_requests else None
    fallback = open_fallback(context, options.agreed) if len(workspace.domain.tasks) > 1 else None
    try:
        listener = listening(options.host, options.port)
    except OSError as error:
        what = f"cannot listen on {options.host}, port {options.port}"
        fix = "another program may use the port: take another one, --port 8001"
        raise ConfigError(f"{what}: {disk_error(error).problems[0].what.rpartition(': ')[2]}", fix=fix) from None
    try:
        engine = _engine(context, options, ServerMetrics())
        engine.models.router = served_router(context)
    except BaseException:
        listener.close()
        raise
    actions = ActionServer(workspace, engine, options.answer_seconds)
    remote = FallbackModel(fallback, options.most_waiting) if fallback else None
    return AnswerServer(http_app(engine, rules, options.answer_seconds, actions.run, log, remote), engine, listener)


def _request_log(context: Context, options: ServerOptions) -> RequestRecorder:
    """Record requests from now on, and say plainly what is kept."""
    project, config = context.workspace.project, context.settings.gates
    keep_from_git(project)
    treated = {"mask": ", personal data masked", "keep": " as they are", "drop": " unless they hold personal data"}
    context.note(
        f"requests are recorded in {project.use}: of each the length, label and probability; the texts of unsure ones and of "
        f"{options.record_share:.0%} of all are kept there{treated[config.personal_data]}"
    )
    return RequestRecorder(context.workspace, config, options.record_share, context.note)


def _token(options: ServerOptions) -> str:
    """The token of the environment; ConfigError where one is needed and there is none."""
    token = os.environ.get(options.token_env, "").strip() if options.token_env else ""
    if options.token_env and not token:
        raise ConfigError(f"the environment variable {options.token_env} is empty", fix=f"export {options.token_env}=…")
    if not token and not _is_loopback(options.host):
        what = f"{options.host} can be reached from other machines, and no token is asked for"
        fix = "put a long random text into an environment variable and name it: --token-env NAME; or leave --host out"
        raise ConfigError(what, fix=fix)
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _engine(context: Context, options: ServerOptions, metrics: ServerMetrics) -> Engine:
    """The engine with the base model and the Task-LMs on it; those on another one are named and left out."""
    found = _finished(context)
    current = _current(context, found)
    chosen = next(iter(current.values()), None)
    config = context.settings.train
    if chosen is not None:
        model = name_of(chosen.run.base_model, config.model) or config.model
        config = config.model_copy(update={"model": model, "dtype": chosen.run.config.dtype})
    else:
        command = context.workspace.project.command("tune")
        context.note(f"there is no Task-LM yet, only the base model is served; to train them: {command}")
    if options.engine:
        info = inspect_model(config.model)
        for one in (each for each in found if each.run.config.method == "head"):
            context.note(f"{one.run.target}: not served through vLLM, it is a label head without an adapter (--method head)")
        adapted = [one for one in found if one.run.config.method != "head"]
        task_lms = _task_lms(context, adapted, current, info.ref)
        plan = VllmPlan(options.engine, options.engine_wait, options.most_waiting, info, config, task_lms)
        return start_vllm(context, metrics, plan)
    context.on_event(Started(stage="model", name=config.model))
    base = load_base(config.model, dtype=config.dtype, device=config.device)
    models = ServedModels.of(base, _task_lms(context, found, current, base.ref))
    return AnswerEngine(models, metrics, most_waiting=options.most_waiting, on_fault=context.note)


def _task_lms(
    context: Context, found: Sequence[_Found], current: Mapping[str, _Found], base: BaseModelRef
) -> list[ServedTaskLM]:
    """The Task-LMs on this base model; others are named."""
    served = []
    for one in found:
        if one.run.base_model.fingerprint != base.fingerprint:
            context.note(f"{one.run.target}: not served, it is on another base model, {one.run.base_model.name}")
            continue
        tasks = frozenset(task for task, other in current.items() if other.folder == one.folder)
        served.append(ServedTaskLM(one.folder, read_task_lm(one.folder), tasks, one.created))
    return served


def _finished(context: Context) -> list[_Found]:
    """All finished runs of the project."""
    found = []
    for record in sorted((context.workspace.project.artifacts / "runs").glob(f"*/*/{RUN_FILE}")):
        folder = record.parent / ADAPTER_FOLDER
        try:
            found.append(_Found(read_record(record, Run), folder, int(record.stat().st_mtime)))
        except DamagedError as error:
            context.note(f"{error.problems[0]}; its Task-LM is not served")
    return [one for one in found if one.folder.is_dir()]


def _current(context: Context, found: Sequence[_Found]) -> dict[str, _Found]:
    """The Task-LM of each task that answers unless another is named: the promoted one.

    Where none is promoted, it is the newest of the task, else of its action, else of the pool.

    Raises:
        EvaluationError: the files of a promoted one are gone.
    """
    project, domain = context.workspace.project, context.workspace.domain
    by_place = {one.folder: one for one in found}
    current: dict[str, _Found] = {}
    for task in domain.tasks:
        if (in_production := production_run(context.workspace, task)) is not None:
            _, run, promotion = in_production
            current[task.name] = by_place[adapter_folder(project, run)]
            context.note(f"{task.name}: version {run.id} answers, in production since {promotion.day} by {promotion.by}")
            continue
        for _, target in targets_with(domain, task):
            last = read_ref(project.runs(target))
            one = by_place.get(project.runs(target) / last / ADAPTER_FOLDER) if last else None
            if one is not None and task.name in one.run.tasks:
                current.setdefault(task.name, one)
    return current
