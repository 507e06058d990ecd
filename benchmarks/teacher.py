"""What asking a teacher costs besides the teacher: requests a second against an endpoint that answers at once."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.llm import ANSWERS_FILE, Question, Teacher
from anytasktune.settings import TeacherConfig
from benchmarks.machine import ROOT

_WORDS = 100
_PROMPT = "Write one more input of this task, unlike those shown. " * 20
_SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class TeacherOverhead:
    """Answers kept, cost counted and capped; the endpoint in another process of the same machine.

    Attributes:
        questions: per round, all different.
        concurrency: requests at once.
        seconds: of each round.
        processor_seconds: of our own process in each round.
        found_seconds: of asking the first round once more, when nothing is sent.
    """

    questions: int
    concurrency: int
    seconds: list[float]
    processor_seconds: list[float]
    found_seconds: float

    @property
    def rate(self) -> float:
        """Requests a second, over all rounds."""
        return self.questions * len(self.seconds) / sum(self.seconds)

    @property
    def processor_ms(self) -> float:
        """Milliseconds of our processor time per request."""
        return 1000 * sum(self.processor_seconds) / (self.questions * len(self.seconds))

    @property
    def found_rate(self) -> float:
        """Answers a second that were there already."""
        return self.questions / self.found_seconds


def measure_teacher(questions: int, concurrency: int, rounds: int) -> TeacherOverhead:
    """Ask different questions round after round, in a book that grows; then those of the first round again."""
    config = TeacherConfig(
        name="m", price_in=0.14, price_out=0.28, max_cost=1e6, max_tokens=10**12, concurrency=concurrency, timeout=30
    )
    with _stub() as url, tempfile.TemporaryDirectory(prefix="bench-") as place:
        teacher = Teacher.open(config, {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}, Path(place) / ANSWERS_FILE)
        asked = [[_question(turn * questions + number) for number in range(questions)] for turn in range(rounds)]
        timed = [_timed(teacher, some) for some in asked]
        found, _ = _timed(teacher, asked[0])
    return TeacherOverhead(questions, concurrency, [wall for wall, _ in timed], [own for _, own in timed], found)


def _question(number: int) -> Question[str]:
    messages = [{"role": "system", "content": "You answer with JSON only."}, {"role": "user", "content": f"{_PROMPT}{number}"}]
    return Question(messages, _SCHEMA, _text)


def _text(value: Any) -> str:
    return str(value["text"])


def _timed(teacher: Teacher, questions: list[Question[str]]) -> tuple[float, float]:
    wall, own = time.perf_counter(), time.process_time()
    replies = teacher.ask_all(questions)
    seconds = time.perf_counter() - wall, time.process_time() - own
    if not all(reply.value for reply in replies):
        raise RuntimeError("a question was not answered")
    return seconds


@contextmanager
def _stub() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.teacher_stub", str(_WORDS)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.stdin.close()
            process.wait()
