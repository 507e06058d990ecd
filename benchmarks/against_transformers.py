"""Throughput of `anytasktune serve` beside `transformers serve`, on the same Task-LMs and prompts, in turns on one machine.

    python -m benchmarks.against_transformers PROJECT [--requests 96] [--clients 16] [--rounds 3] [--continuous-batching]

`transformers serve` knows no LoRA adapters, so it gets each Task-LM as a model of its own, the adapter merged into the weights
by PEFT. Every request has a text of its own behind its task's instruction and asks for the most probable answer of at most
`--tokens` tokens. It knows no constraint either, so that answers may differ in length: tokens per second are given too. One
server runs at a time; loading the models is not counted. On a machine with other work the ratio by the servers' processor time
is the one to go by.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from transformers import AutoTokenizer

from anytasktune.chat import instruction_for
from anytasktune.models.load import name_of
from anytasktune.models.resolve import resolve_model
from anytasktune.pipeline import Workspace
from anytasktune.store import read_ref
from anytasktune.store.run_folder import read_task_lm
from benchmarks.cli import quiet_libraries
from benchmarks.hf_generate import plain_model
from benchmarks.serving import requests_over

Body = dict[str, object]


@dataclass(frozen=True)
class Pace:
    """What a server did of a load."""

    answers: int
    tokens: int
    seconds: float
    processor_seconds: float

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str
    process: int

    def processor_seconds(self) -> float:
        """Processor time it has used so far (Linux)."""
        fields = Path(f"/proc/{self.process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class TaskLMFolder:
    """The current Task-LM of a task."""

    task: str
    adapter: Path
    base: Path
    instruction: str


def task_lms_of(workspace: Workspace) -> list[TaskLMFolder]:
    """The last Task-LM of each task that has one and generates its answers: scored ones have no counterpart."""
    found = []
    for task in workspace.domain.tasks:
        last = read_ref(workspace.project.runs(task.name))
        folder = workspace.project.runs(task.name) / (last or "") / "adapter"
        if last is None or read_task_lm(folder).decoding[task.name].scores_answers:
            continue
        base = resolve_model(name_of(read_task_lm(folder).base_model) or "")
        found.append(TaskLMFolder(task.name, folder, base, instruction_for(task, "en")))
    return found


def merge(task_lms: Sequence[TaskLMFolder], folder: Path, dtype: str) -> dict[str, str]:
    """Write each Task-LM merged; returns the folders by task."""
    places = {}
    for each in task_lms:
        place = folder / each.task
        plain_model(each.base, each.adapter, dtype, "sdpa").save_pretrained(place)
        AutoTokenizer.from_pretrained(each.base).save_pretrained(place)
        places[each.task] = str(place)
    return places


@contextlib.contextmanager
def running(words: Sequence[str], port: int, ready: str) -> Iterator["Server"]:
    """A server in a process of its own, once `ready` answers."""
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as process:
        try:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(url + ready).status_code < 500:
                        break
                if process.poll() is not None:
                    raise RuntimeError(f"{words[0]} ended with {process.returncode}")
                time.sleep(0.2)
            yield Server(f"{url}/v1", process.pid)
        finally:
            process.kill()


def ours(project: Path) -> AbstractContextManager["Server"]:
    """Our server."""
    port = _free_port()
    words = [sys.executable, "-m", "anytasktune", "serve", "-p", str(project), "--port", str(port), "--timeout", "3600"]
    return running(words, port, "/ready")


def theirs(continuous_batching: bool) -> AbstractContextManager["Server"]:
    """`transformers serve`."""
    port = _free_port()
    words = [str(Path(sys.executable).with_name("transformers")), "serve", "--host", "127.0.0.1", "--port", str(port)]
    return running([*words, *(["--continuous-batching"] if continuous_batching else [])], port, "/health")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def pace(server: Server, bodies: Sequence[Body], clients: int) -> Pace:
    """Send requests, so many at a time, and count the answers."""
    waiting, tokens, answers = iter(bodies), 0, 0
    async with httpx.AsyncClient(base_url=server.url, timeout=3600) as http:

        async def client() -> None:
            nonlocal tokens, answers
            for body in waiting:
                reply = (await http.post("/chat/completions", json=body)).raise_for_status().json()
                tokens += reply["usage"]["completion_tokens"]
                answers += 1

        begin, used = time.perf_counter(), server.processor_seconds()
        await asyncio.gather(*(client() for _ in range(clients)))
        return Pace(answers, tokens, time.perf_counter() - begin, server.processor_seconds() - used)


def bodies_for(asked: Sequence[tuple[str, str]], most_tokens: int, instructions: Mapping[str, str] | None = None) -> list[Body]:
    """Requests for (model, input); with the instruction in front where the server has none of its own."""
    made: list[Body] = []
    for model, text in asked:
        turns = [{"role": "system", "content": instructions[model]}] if instructions else []
        turns.append({"role": "user", "content": text})
        made.append({"model": model, "messages": turns, "max_tokens": most_tokens, "temperature": 0})
    return made


def run(project: Path, given: argparse.Namespace) -> int:
    """Measure both in turns, and print what came of it."""
    task_lms = task_lms_of(Workspace.open(project))
    asked = [(one.model, one.text) for one in requests_over([each.task for each in task_lms], given.requests)]
    with tempfile.TemporaryDirectory() as folder:
        places = merge(task_lms, Path(folder), given.dtype)
        instructions = {places[each.task]: each.instruction for each in task_lms}
        merged = bodies_for([(places[task], text) for task, text in asked], given.tokens, instructions)
        plain = bodies_for(asked, given.tokens)
        servers: dict[str, tuple[Callable[[], AbstractContextManager[Server]], list[Body]]] = {
            "anytasktune serve": (partial(ours, project), plain),
            "transformers serve": (partial(theirs, given.continuous_batching), merged),
        }
        paces: dict[str, list[Pace]] = {name: [] for name in servers}
        for turn in range(given.rounds):
            for name, (start, bodies) in servers.items():
                with start() as server:
                    asyncio.run(pace(server, bodies[: len(task_lms)], 1))  # loads the models
                    paces[name].append(asyncio.run(pace(server, bodies, given.clients)))
                one = paces[name][-1]
                sys.stdout.write(
                    f"round {turn + 1}, {name}: {one.answers} answers, {one.tokens} tokens in {one.seconds:.1f} s, "
                    f"{one.per_second:.2f} answers and {one.tokens / one.seconds:.0f} tokens a second, "
                    f"processor {one.processor_seconds:.1f} s, {1000 * one.processor_seconds / one.tokens:.1f} ms a token\n"
                )
                sys.stdout.flush()
    ratios = [us.per_second / them.per_second for us, them in zip(*paces.values(), strict=True)]
    by_tokens = [(us.tokens / us.seconds) / (them.tokens / them.seconds) for us, them in zip(*paces.values(), strict=True)]
    by_processor = [
        (them.processor_seconds / them.tokens) / (us.processor_seconds / us.tokens)
        for us, them in zip(*paces.values(), strict=True)
    ]
    sys.stdout.write(
        json.dumps(
            {
                "task_lms": len(task_lms),
                "clients": given.clients,
                "answers_ratio": [round(ratio, 2) for ratio in ratios],
                "median_answers_ratio": round(statistics.median(ratios), 2),
                "median_tokens_ratio": round(statistics.median(by_tokens), 2),
                "median_processor_time_per_token_ratio": round(statistics.median(by_processor), 2),
            }
        )
        + "\n"
    )
    return 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.against_transformers", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("project", type=Path)
    parser.add_argument("--requests", type=int, default=96)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--dtype", default="bfloat16", help="of the merged weights; the one that the project was trained in")
    parser.add_argument("--continuous-batching", action="store_true", help="have transformers serve batch continuously")
    given = parser.parse_args()
    quiet_libraries()
    return run(given.project, given)


if __name__ == "__main__":
    sys.exit(main())
