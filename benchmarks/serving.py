"""Load on a server: many clients at once over all Task-LMs of a project, a canary in every request, every answer checked.

    python -m benchmarks.serving PROJECT [--requests 10000] [--clients 64] [--compared 500]

It starts `anytasktune serve` on the project, sends the requests, and compares the answers to the first so many of them with
those that they get when nothing else runs. Requests that are refused with 429 are sent again, as clients do. It reports errors,
answers that differ, requests per second, times, and the server's memory at a tenth, the half and the end. In float32
(`-c dtype=float32` when training) a difference is a mix-up; in bfloat16 it may be a near tie.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

_WORDS = "landlord deposit letter rent boss wage fired child school divorce heating contract notice late broken lamp parcel"


@dataclass(frozen=True)
class Asked:
    """A request: a model and an input that no other request has."""

    model: str
    text: str


@dataclass
class Outcome:
    """What came of requests.

    Attributes:
        answers: by place of the request.
        errors: status or exception, and how often.
        seconds: of each request.
        memory: megabytes of the server at several moments.
    """

    answers: dict[int, str] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    total: float = 0.0


def requests_over(models: Sequence[str], count: int) -> list[Asked]:
    """Requests over the models in turn, each with a number that stands in no other."""
    made, known = [], _WORDS.split()
    for number in range(count):
        words = " ".join(known[(number * step + step) % len(known)] for step in range(1, 6 + number % 9))
        made.append(Asked(models[number % len(models)], f"canary {number:06d}: {words}"))
    return made


async def send_all(url: str, asked: Sequence[Asked], clients: int, process: int) -> Outcome:
    """Send requests, so many at a time."""
    outcome, waiting = Outcome(), iter(enumerate(asked))
    marks = {len(asked) // 10, len(asked) // 2, len(asked) - 1}
    limits = httpx.Limits(max_connections=clients)

    async def client(http: httpx.AsyncClient) -> None:
        for place, one in waiting:
            start = time.perf_counter()
            try:
                reply = await _sent(http, one)
                if reply.status_code == 200:
                    body = reply.json()
                    if one.text not in body["anytasktune"]["rendered"]:
                        _count(outcome, "the reply is to another request")
                    outcome.answers[place] = body["choices"][0]["message"]["content"]
                else:
                    _count(outcome, str(reply.status_code))
            except (httpx.HTTPError, ValueError, KeyError) as error:
                _count(outcome, type(error).__name__)
            outcome.seconds.append(time.perf_counter() - start)
            if place in marks:
                outcome.memory.append(_megabytes(process))

    begin = time.perf_counter()
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as http:
        await asyncio.gather(*(client(http) for _ in range(clients)))
    outcome.total = time.perf_counter() - begin
    return outcome


async def _sent(http: httpx.AsyncClient, one: Asked) -> httpx.Response:
    body = {"model": one.model, "messages": [{"role": "user", "content": one.text}], "max_tokens": 64}
    while True:
        reply = await http.post("/chat/completions", json=body)
        if reply.status_code != 429:
            return reply
        await asyncio.sleep(float(reply.headers["retry-after"]))


def _count(outcome: Outcome, error: str) -> None:
    outcome.errors[error] = outcome.errors.get(error, 0) + 1


def _megabytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)


def run(project: Path, requests: int, clients: int, compared: int) -> int:
    """Print what came of a load on the project's server; 1 if anything went wrong."""
    words = [sys.executable, "-m", "anytasktune", "serve", "-p", str(project), "--port", "0", "--timeout", "600", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines: list[str] = []
            while process.stdout is not None and (not lines or lines[-1] != "}\n"):
                lines.append(process.stdout.readline())
            address = json.loads("".join(lines))
            models = sorted(name for name in address["models"] if name.endswith("@prod"))
            asked = requests_over(models, requests)
            alone = asyncio.run(send_all(address["base_url"], asked[:compared], 1, process.pid))
            loaded = asyncio.run(send_all(address["base_url"], asked, clients, process.pid))
        finally:
            process.terminate()
    differing = [place for place in alone.answers if loaded.answers.get(place) != alone.answers[place]]
    sys.stdout.write(_report(len(models), clients, alone, loaded, differing))
    for place in differing[:5]:
        sys.stdout.write(f"  {asked[place].model}: {alone.answers[place]!r} alone, {loaded.answers.get(place)!r} under load\n")
    return int(bool(differing or loaded.errors or alone.errors))


def _report(models: int, clients: int, alone: Outcome, loaded: Outcome, differing: Sequence[int]) -> str:
    cuts = statistics.quantiles(loaded.seconds, n=20)
    return (
        f"{len(loaded.answers)} answers of {models} Task-LMs to {clients} clients in {loaded.total:.1f} s: "
        f"{len(loaded.answers) / loaded.total:.1f} a second, median {statistics.median(loaded.seconds):.2f} s, "
        f"95 % within {cuts[-1]:.2f} s\n"
        f"alone, one after the other: {len(alone.answers) / alone.total:.1f} a second\n"
        f"errors: {loaded.errors or alone.errors or 'none'}; {len(differing)} of {len(alone.answers)} answers differ; "
        f"memory {', '.join(f'{size} MB' for size in loaded.memory)}\n"
    )


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("project", type=Path)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--compared", type=int, default=500, help="answers that are compared with those to lone requests")
    given = parser.parse_args()
    return run(given.project, given.requests, given.clients, given.compared)


if __name__ == "__main__":
    sys.exit(main())
