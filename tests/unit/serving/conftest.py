"""A project with three Task-LMs on a tiny model, and its server."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from openai import OpenAI
from tests.tiny_project import quick_settings, team_rows, write_project, write_rows

from anytasktune.inference.task_lm import TaskLM
from anytasktune.models.load import load_base
from anytasktune.pipeline import Workspace, train
from anytasktune.pipeline.starting_server import ServerOptions, prepare_server
from anytasktune.serving.answer_engine import AnswerEngine
from anytasktune.serving.http_server import AnswerServer
from anytasktune.settings import Settings

DOMAIN = """\
schema_version: 1
name: law
actions:
  - {name: intake, steps: [team, facts, reply], wiring: {reply: {input: "{facts.kind}", person: edit}}}
tasks:
  - name: team
    instruction: {en: "Which team takes it? Answer housing, family or work.", zh: 由哪个团队处理？}
    output: {kind: label, labels: [housing, family, work]}
  - name: facts
    instruction: {en: "Note the matter as JSON.", zh: 以 JSON 记录。}
    output:
      kind: json
      json_schema:
        type: object
        properties: {kind: {enum: [rent, wage]}, urgent: {type: boolean}}
        required: [kind, urgent]
        additionalProperties: false
  - name: reply
    instruction: {en: "Repeat the first word.", zh: 重复第一个词。}
    output: {kind: text}
"""
OUTPUTS = {
    "team": ("housing", "family", "work"),
    "facts": ('{"kind": "rent", "urgent": true}', '{"kind": "wage", "urgent": false}'),
    "reply": ("matter one", "the landlord kept it", "tenant"),
}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A project with a Task-LM for each of a label, a JSON and a text task."""
    folder = write_project(tmp_path_factory.mktemp("served") / "law", rows=[], domain=DOMAIN)
    for place, (task, outputs) in enumerate(OUTPUTS.items()):
        rows = team_rows(60 if task == "team" else 24, 1000 * place)
        rows = [row.model_copy(update={"output": outputs[number % len(outputs)]}) for number, row in enumerate(rows)]
        write_rows(folder / "data" / f"{task}.jsonl", rows)
    train(
        Workspace.open(folder),
        (),
        quick_settings(tiny_model, "train.dtype=float32", "train.learning_rate=1e-2", "train.epochs=10"),
    )
    return folder


@contextmanager
def served(project: Path, settings: Settings | None = None, **options: object) -> Iterator[AnswerServer]:
    """A running server of a project."""
    server = prepare_server(Workspace.open(project), settings, ServerOptions(port=0, **options))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.engine.is_ready:
        time.sleep(0.01)
    try:
        yield server
    finally:
        server.stop()
        thread.join()


@pytest.fixture(scope="session")
def server(project: Path) -> Iterator[AnswerServer]:
    """A running server."""
    with served(project) as running:
        yield running


@pytest.fixture(scope="session")
def engine(server: AnswerServer) -> AnswerEngine:
    """The engine of the server."""
    return server.engine


@pytest.fixture(scope="session")
def openai(server: AnswerServer) -> Iterator[OpenAI]:
    """The official client."""
    with OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="session")
def http(server: AnswerServer) -> Iterator[httpx.Client]:
    """A plain client."""
    with httpx.Client(base_url=server.address, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def task_lms(project: Path, tiny_model: Path) -> dict[str, TaskLM]:
    """The Task-LMs as evaluation loads them."""
    base = load_base(str(tiny_model), dtype="float32", device="cpu")
    folders = {task: next((project / "artifacts" / "runs" / task).glob("*/adapter")) for task in OUTPUTS}
    return {task: TaskLM.load(folder, base) for task, folder in folders.items()}
