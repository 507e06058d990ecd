"""A server that is killed under load and started again answers its clients when they try again, each its own request."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from openai import OpenAI
from tests.tiny_project import team_rows

from anytasktune.inference.task_lm import TaskLM
from anytasktune.schema import Example

CLIENTS, REQUESTS, ENOUGH = 8, 48, 12
"""The server is killed after `ENOUGH` answers."""
HELD_BACK = 12
"""Requests that are sent only when it is dead, however fast it was."""


@contextmanager
def serving(project: Path, port: int) -> "Iterator[subprocess.Popen[str]]":
    """A server in a process of its own, ready to answer."""
    words = [sys.executable, "-m", "anytasktune", "serve", "-p", str(project), "--port", str(port), "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            while process.stdout.readline().strip() != "}":
                assert process.poll() is None
            yield process
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_server_killed_under_load_and_started_again_mixes_no_answers(project: Path, task_lms: dict[str, TaskLM]) -> None:
    rows = [row.model_copy(update={"language": "en"}) for row in team_rows(REQUESTS, 7000)]
    tasks = [("team", "facts", "reply")[place % 3] for place in range(REQUESTS)]
    expected: dict[str, list[str]] = {}
    for task, task_lm in task_lms.items():
        expected[task] = [answer.output for answer in task_lm.answer(rows)]
    port, dead, answered = free_port(), threading.Event(), []

    with OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=20, timeout=120) as client:

        def ask(place: int, row: Example) -> tuple[str, bool]:
            if place >= REQUESTS - HELD_BACK:
                dead.wait()
            messages = [{"role": "user", "content": row.input}]
            reply = client.chat.completions.create(
                model=tasks[place],
                messages=messages,  # type: ignore[arg-type]
                extra_body={"anytasktune": {"language": "en"}},
            )
            answered.append(place)
            return reply.choices[0].message.content or "", row.input in (reply.model_extra or {})["anytasktune"]["rendered"]

        with ThreadPoolExecutor(CLIENTS) as pool:
            with serving(project, port) as process:
                asked = [pool.submit(ask, place, row) for place, row in enumerate(rows)]
                while len(answered) < ENOUGH and not any(one.done() and one.exception() for one in asked):
                    time.sleep(0.01)
                process.kill()
                dead.set()
            with serving(project, port):
                replies = [one.result() for one in asked]
    assert [own for _, own in replies] == [True] * REQUESTS
    assert [text for text, _ in replies] == [expected[task][place] for place, task in enumerate(tasks)]
