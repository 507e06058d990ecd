"""The engine's queue is bounded, skips clients that have gone, and goes on after faults."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import Queue

import httpx
import pytest
from tests.unit.serving.conftest import served

from anytasktune.pipeline import Workspace
from anytasktune.pipeline.starting_server import ServerOptions, prepare_server
from anytasktune.schema import Example
from anytasktune.serving.answer_engine import AnswerEngine
from anytasktune.serving.answer_worker import AnswerWorker
from anytasktune.serving.api_errors import ApiError
from anytasktune.serving.engine_messages import Answered, AnswerEnd, Outcome, PendingQuestion, Question
from anytasktune.serving.http_server import AnswerServer

CHAT = {"model": "team", "messages": [{"role": "user", "content": "the landlord"}]}


def question(engine: AnswerEngine, text: str, task: str = "team") -> Question:
    model = engine.models.find(task)
    assert model.task is not None
    example = Example(input=text, output="", language="en")
    return Question(model, engine.models.format_of(model).prompt_text(model.task, example), AnswerEnd(), example)


@contextmanager
def held(engine: AnswerEngine) -> Iterator[None]:
    """The engine busy for the length of the block: it hands over an answer that nobody takes yet."""
    begun, release = threading.Event(), threading.Event()

    def deliver(_: object) -> None:
        begun.set()
        release.wait()

    engine.submit([PendingQuestion(question(engine, "busy"), deliver)])
    begun.wait()
    try:
        yield
    finally:
        release.set()


def test_eight_task_lms_generate_at_once_while_label_tasks_are_answered_and_a_ninth_waits(engine: AnswerEngine) -> None:
    worker = AnswerWorker(engine.models, 64, lambda *_: None)
    asked, label = question(engine, "x", "reply"), question(engine, "x")
    source = asked.model.source
    assert source is not None
    several = [
        PendingQuestion(replace(asked, model=replace(asked.model, source=replace(source, folder=Path(f"{number}")))), print)
        for number in range(9)
    ]
    assert worker.has_room(several[:7], several[7])
    assert worker.has_room(several[:8], PendingQuestion(label, print))
    assert not worker.has_room([*several[:8], PendingQuestion(label, print)], several[8])


def until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        time.sleep(0.01)


def test_questions_that_wait_together_are_answered_together(engine: AnswerEngine) -> None:
    arrived: Queue[tuple[str, Outcome]] = Queue()
    before = engine.metrics.registry.get_sample_value("anytasktune_taken_rows_count") or 0
    texts = [f"matter {number}" for number in range(5)]
    with held(engine):
        for text in texts:
            engine.submit([PendingQuestion(question(engine, text), lambda answer, text=text: arrived.put((text, answer)))])
    found = dict(arrived.get() for _ in texts)
    assert set(found) == set(texts)
    assert all(isinstance(answer, Answered) for answer in found.values())
    after = engine.metrics.registry.get_sample_value("anytasktune_taken_rows_count") or 0
    assert after - before == 2


def test_a_full_queue_is_answered_with_429_and_retry_after(engine: AnswerEngine, http: httpx.Client) -> None:
    with held(engine):
        asked = [PendingQuestion(question(engine, "wait"), lambda _: None) for _ in range(engine.most_waiting)]
        engine.submit(asked)
        reply = http.post("/v1/chat/completions", json=CHAT)
        for pending in asked:
            pending.cancelled = True
    assert reply.status_code == 429
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.json()["error"]["type"] == "rate_limit_error"
    assert http.post("/v1/chat/completions", json=CHAT).status_code == 200


def test_choices_count_as_answers_that_wait(engine: AnswerEngine, http: httpx.Client) -> None:
    body = {"model": "tiny", "prompt": ["the"] * 20, "n": 16, "temperature": 1, "max_tokens": 1}
    reply = http.post("/v1/completions", json=body)
    assert reply.status_code == 400
    assert "asks for 320 answers, and at most 256 may wait" in reply.json()["error"]["message"]
    assert http.post("/v1/completions", json=body | {"prompt": ["the"] * 2}).status_code == 200


@pytest.mark.parametrize("stream", ["", '"stream": true, '])
def test_questions_of_clients_that_have_gone_are_not_answered(server: AnswerServer, stream: str) -> None:
    engine, port = server.engine, int(server.address.rpartition(":")[2])
    body = f'{{{stream}"model": "reply", "messages": [{{"role": "user", "content": "x"}}]}}'.encode()
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    head = "\r\n".join([*lines, "Content-Type: application/json"])
    with held(engine):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(f"{head}\r\n\r\n".encode() + body)
            until(lambda: engine.waiting == 1)
        until(lambda: engine._waiting[0].cancelled)
        before = engine.metrics.registry.get_sample_value("anytasktune_taken_rows_count")
    until(lambda: not engine.waiting)
    answered = Queue[object]()
    engine.submit([PendingQuestion(question(engine, "next"), answered.put)])
    answered.get()
    assert (engine.metrics.registry.get_sample_value("anytasktune_taken_rows_count") or 0) - (before or 0) == 1


def test_a_running_answer_ends_when_its_client_goes(server: AnswerServer, http: httpx.Client) -> None:
    registry, base = server.engine.metrics.registry, {"model": "tiny"}
    before = registry.get_sample_value("anytasktune_answers_total", base) or 0
    body = {"model": "tiny", "prompt": "the", "max_tokens": 450, "stream": True}
    with http.stream("POST", "/v1/completions", json=body) as reply:
        next(reply.iter_lines())
        until(lambda: registry.get_sample_value("anytasktune_running") == 1)
    until(lambda: registry.get_sample_value("anytasktune_running") == 0)
    assert (registry.get_sample_value("anytasktune_answers_total", base) or 0) == before


def test_a_fault_fails_its_batch_and_the_engine_goes_on(engine: AnswerEngine) -> None:
    arrived: Queue[Outcome] = Queue()
    broken = question(engine, "x")
    broken = Question(broken.model, broken.rendered, broken.end, example=None)  # a Task-LM without an input
    engine.submit([PendingQuestion(broken, arrived.put)])
    failed = arrived.get()
    assert isinstance(failed, ApiError)
    assert failed.status == 500
    engine.submit([PendingQuestion(question(engine, "x"), arrived.put)])
    assert isinstance(arrived.get(), Answered)


def test_an_answer_that_takes_too_long_is_given_up(project: Path) -> None:
    with served(project, answer_seconds=0.2) as running, httpx.Client(base_url=running.address, timeout=30) as http:
        with held(running.engine):
            reply = http.post("/v1/chat/completions", json=CHAT)
            streamed = http.post("/v1/chat/completions", json=CHAT | {"stream": True})
        assert reply.status_code == 504
        assert reply.json()["error"]["type"] == "timeout_error"
        assert "timeout_error" in streamed.text and "[DONE]" not in streamed.text


def test_a_damaged_task_lm_fails_its_own_requests_only(project: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(project, tmp_path / "law"))
    weights = next((copy / "artifacts" / "runs" / "team").glob("*/adapter/adapter_model.safetensors"))
    server = prepare_server(Workspace.open(copy), None, ServerOptions(port=0))
    weights.write_bytes(b"damaged" + weights.read_bytes()[7:])
    thread = threading.Thread(target=server.run)
    thread.start()
    with httpx.Client(base_url=server.address, timeout=30) as http:
        reply = http.post("/v1/chat/completions", json=CHAT)
        assert reply.status_code == 500
        assert "was changed" in reply.json()["error"]["message"]
        assert http.post("/v1/chat/completions", json=CHAT | {"model": "reply"}).status_code == 200
    server.stop()
    thread.join()


def test_the_command_ends_in_order_when_it_is_told_to(project: Path) -> None:
    words = [sys.executable, "-m", "anytasktune", "serve", "-p", str(project), "--port", "0", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None and process.stderr is not None
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
        url = next(line.split('"')[3] for line in lines if "base_url" in line)
        reply = httpx.post(f"{url}/chat/completions", json=CHAT, timeout=60)
        assert reply.status_code == 200
        with ThreadPoolExecutor() as pool:
            body = {"model": "tiny", "prompt": "the", "max_tokens": 100}
            running = pool.submit(httpx.post, f"{url}/completions", json=body, timeout=60)
            metrics = f"{url.removesuffix('/v1')}/metrics"  # on a busy machine it may have ended before it is seen to run
            until(lambda: running.done() or "anytasktune_running 1.0" in httpx.get(metrics).text)
            process.send_signal(signal.SIGTERM)
            assert running.result().status_code == 200
        assert process.wait() == 0
        assert "landlord" not in process.stderr.read()
