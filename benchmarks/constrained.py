"""Measures what holding answers to a grammar costs: seconds of processor time per token with and without, on generated tasks.

    python -m benchmarks.constrained [MODEL] [ROWS] [TASKS_FOLDER]

The model is untuned, which is the dear case: the grammar corrects it in nearly every answer, while of a tuned
model it mostly allows the first choice. Both ways answer the same prompts, one after the other, three times; the least counts.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from anytasktune.inference.constraint import Constraint
from anytasktune.inference.generation import Generated, Limits, generate
from anytasktune.inference.task_constraint import TaskConstraint
from anytasktune.inference.task_predictor import decoding_for
from anytasktune.models.load import BaseLM
from benchmarks.bench_tasks import BenchTask, read_tasks
from benchmarks.our_engine import Setup, open_base

_TURNS = 3


def measure(base: BaseLM, work: BenchTask, rows: int) -> str:
    """A line on one task: microseconds per token and tokens per forward pass of the answers, free and constrained."""
    asked = work.test[:rows]
    prompts = [base.format.prompt_ids(work.task, row) for row in asked]
    longest = max(len(base.format.answer_ids(row.output)) for row in work.train)
    decoding = decoding_for(work.task, work.train, longest)
    limits = Limits(base.format.rendering.end_of_turn, decoding.max_new_tokens, 4096)
    held = TaskConstraint(work.task, decoding, base.format)

    def spent(constrain: Callable[[int], Constraint | None]) -> tuple[float, list[Generated]]:
        start = time.process_time()
        made = generate(base.model, prompts, limits, constrain=constrain)
        return time.process_time() - start, made

    spent(lambda row: held.on(asked[row]))
    free, constrained = [], []
    for _ in range(_TURNS):
        free.append(spent(lambda _: None))
        constrained.append(spent(lambda row: held.on(asked[row])))
    parts = []
    for name, turns in (("free", free), ("constrained", constrained)):
        seconds, made = min(turns, key=lambda turn: turn[0])
        tokens = sum(len(answer.ids) + 1 for answer in made)
        parts.append(f"{name} {seconds:.1f} s, {tokens} tokens, {1000 * seconds / tokens:.2f} ms per token")
    corrected = sum(answer.corrected for answer in constrained[0][1])
    return f"{work.name}: {'; '.join(parts)}; {corrected} of {len(asked)} answers corrected"


def main() -> None:
    """Print a line per task that is generated."""
    model, rows = (sys.argv[1:2] or ["smollm2-135m"])[0], int((sys.argv[2:3] or ["16"])[0])
    base = open_base(Setup(model=model))
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    for work in read_tasks(folder):
        if work.task.output.decoding == "greedy":
            sys.stdout.write(measure(base, work, rows) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
