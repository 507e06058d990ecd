"""Processes that are killed, or ask at the same time: what was paid for is kept, and all of it is counted."""

import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.openai_server import completion, serving
from tests.unit.llm import asking_process
from tests.unit.llm.asking_process import CONCURRENCY, asked

COUNT, PLENTY = 120, 10**9


class Slow:
    """Answers each question with its number after a moment, and counts what it charges."""

    def __init__(self) -> None:
        self.charged = 0
        self.lock = threading.Lock()

    def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        content = body["messages"][0]["content"]
        with self.lock:
            self.charged += len(content) + 20
        time.sleep(0.03)
        whole = completion(json.dumps({"n": int(content.split()[1])}))
        return whole | {"usage": {"prompt_tokens": len(content), "completion_tokens": 20}}


def started(url: str, folder: Path, cap: int = PLENTY) -> subprocess.Popen[str]:
    arguments = [url, str(folder), str(COUNT), str(cap)]
    return subprocess.Popen(
        [sys.executable, asking_process.__file__, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def counted(folder: Path) -> int:
    with sqlite3.connect(folder / "answers.sqlite") as book:
        (tokens,) = book.execute("SELECT SUM(prompt_tokens + answer_tokens) FROM spent").fetchone()
        (single,) = book.execute("SELECT SUM(prompt_tokens + answer_tokens) FROM requests").fetchone()
    book.close()
    assert tokens == single
    return int(tokens)


def kill_after(process: subprocess.Popen[str], bodies: list[Any], more: int) -> None:
    """Kill it (SIGKILL, where there is one) some requests later."""
    until = len(bodies) + more
    deadline = time.monotonic() + 30
    while len(bodies) < until and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    process.communicate()


def test_killed_at_any_moment_it_goes_on_and_pays_nothing_twice(tmp_path: Path) -> None:
    server, chance = Slow(), random.Random()
    with serving(server) as served:
        for _ in range(3):
            kill_after(started(served.url, tmp_path), served.bodies, chance.randint(1, 30))
        out, _ = started(served.url, tmp_path).communicate(timeout=60)
        assert out.split() == [str(place) for place in range(COUNT)]
        assert len(served.bodies) <= COUNT + 3 * CONCURRENCY
        assert server.charged <= counted(tmp_path)
        sent = len(served.bodies)
        values, teacher = asked(served.url, tmp_path, COUNT, PLENTY)
    assert len(served.bodies) == sent
    assert (values, teacher.usage.requests, teacher.usage.reused) == (list(range(COUNT)), 0, COUNT)
    lines = (tmp_path / "asked.jsonl").read_text(encoding="utf-8").splitlines()
    assert Counter(json.loads(line)["messages"][0]["content"] for line in lines) == Counter(
        f"Number {place} of all" for place in range(COUNT)
    )


def test_the_cap_holds_over_kills(tmp_path: Path) -> None:
    cap = 4_000
    server, chance = Slow(), random.Random()
    with serving(server) as served:
        for _ in range(2):
            kill_after(started(served.url, tmp_path, cap), served.bodies, chance.randint(1, 12))
        values, _ = asked(served.url, tmp_path, COUNT, cap)
        asked(served.url, tmp_path, COUNT, cap)
    assert server.charged <= counted(tmp_path) <= cap
    assert None in values


@pytest.mark.parametrize("cap", [PLENTY, 4_000])
def test_two_processes_share_answers_and_cap(cap: int, tmp_path: Path) -> None:
    server = Slow()
    with serving(server) as served:
        processes = [started(served.url, tmp_path, cap) for _ in range(2)]
        outs = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert server.charged <= counted(tmp_path) <= cap
    for out in outs:
        assert all(value in {str(place), "None"} for place, value in enumerate(out))
    if cap == PLENTY:
        assert all("None" not in out for out in outs)
        assert len(served.bodies) <= 2 * COUNT


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_ctrl_c_ends_it_at_once_and_keeps_what_is_under_way(tmp_path: Path) -> None:
    server = Slow()
    with serving(server) as served:
        process = started(served.url, tmp_path)
        while len(served.bodies) < 20:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        sent = len(served.bodies)
        assert sent < COUNT
        assert counted(tmp_path) == server.charged
        _, teacher = asked(served.url, tmp_path, COUNT, PLENTY)
    assert (teacher.usage.reused, teacher.usage.requests) == (sent, COUNT - sent)
