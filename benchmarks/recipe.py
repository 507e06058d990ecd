"""Recipes of training compared on dev: loss, sampling, epochs, rank, rate, and which weights are kept.

    python -m benchmarks.recipe --tasks-folder FOLDER --tasks law_en_sentence_role --rows 400 --variants plain,labels
    python -m benchmarks.recipe --tasks matter_routing

One half of dev chooses the weights, the other one judges the choice; test is not read. Every evaluation of a run is recorded,
so that one training shows all ways of choosing. A killed comparison goes on where it was; results are written after every run.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import numpy as np

from anytasktune.inference.task_predictor import TaskPredictor
from anytasktune.models.load import BaseLM, load_base
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.schema import Example
from anytasktune.scorers import item_statistics, share_of_best
from anytasktune.settings import TrainConfig
from anytasktune.training.loop import TrainingRun
from anytasktune.training.multi_adapter import train_adapters
from anytasktune.training.presets import default_epochs, default_learning_rate
from anytasktune.training.run_plan import RunPlan, plan_run
from anytasktune.training.task_rows import TrainingData
from anytasktune.version import __version__
from benchmarks.bench_tasks import BenchTask, read_tasks, tasks_folder
from benchmarks.cli import quiet_libraries
from benchmarks.ledger import Ledger
from benchmarks.machine import ROOT

_NEVER = 1000
_LEAST = 1e-9
_ENOUGH_DEV = 100
_FOR_JUDGING = 0.3
_DRAWS = 400


@dataclass(frozen=True)
class Variant:
    """A recipe; factors are on the default of the task's rows and the model."""

    label_loss: float = 0.0
    balance: bool = False
    epochs_factor: float = 1.0
    rate_factor: float = 1.0
    rank: int | None = None


VARIANTS = {
    "plain": Variant(),
    "half_labels": Variant(label_loss=0.5),
    "labels": Variant(label_loss=1.0),
    "balanced": Variant(balance=True),
    "half_labels_balanced": Variant(label_loss=0.5, balance=True),
    "twice": Variant(epochs_factor=2.0),
    "half_labels_twice": Variant(label_loss=0.5, epochs_factor=2.0),
    "quick": Variant(epochs_factor=0.5),
    "half_rate": Variant(rate_factor=0.5),
    "twice_rate": Variant(rate_factor=2.0),
    "rank_16": Variant(rank=16),
    "rank_32": Variant(rank=32),
}


@dataclass(frozen=True)
class Rows:
    """The rows of one task: to learn from, to choose the weights by, and to judge the choice by."""

    train: list[Example]
    choosing: list[Example]
    judging: list[Example]

    @classmethod
    def of(cls, bench: BenchTask, most: int) -> "Rows":
        """Dev divided in halves; where it is small, the judging rows are taken from the end of train."""
        if not bench.dev:
            raise SystemExit(f"task {bench.name} has no dev rows to choose by")
        if len(bench.dev) >= _ENOUGH_DEV:
            half = len(bench.dev) // 2
            return cls(bench.train[:most], bench.dev[:half], bench.dev[half:])
        cut = len(bench.train) - round(len(bench.train) * _FOR_JUDGING)
        return cls(bench.train[: min(cut, most)], bench.dev, bench.train[cut:])


@dataclass(frozen=True)
class Candidate:
    """One evaluation of a run.

    Attributes:
        step: after which; of an average the last one.
        average: whether it is the average of the last evaluated weights.
        dev_loss: on the choosing rows, as the run records it.
        answers: to the choosing, then to the judging rows.
        surprise: label tasks: -log probability of the right label of each of them.
    """

    step: int
    average: bool
    dev_loss: float
    answers: list[str]
    surprise: list[float]


@dataclass(frozen=True)
class Trial:
    """One training of one task by one recipe."""

    task: str
    variant: str
    train_rows: int
    steps: int
    seconds: float
    candidates: list[Candidate]


@dataclass
class _Recorder:
    """Answers rows at every evaluation of a run."""

    base: BaseLM
    bench: BenchTask
    rows: Rows
    plan: RunPlan
    answers: list[list[str]]
    surprise: list[list[float]]
    seconds: float = 0.0

    def score(self, adapter: Adapter) -> float:
        """Answer all rows; returns the score on the choosing ones."""
        start = time.monotonic()
        asked = [*self.rows.choosing, *self.rows.judging]
        task = self.bench.task
        answers = TaskPredictor(self.base, task, self.plan.decoding[task.name], adapter=adapter).answer(asked)
        self.answers.append([answer.output for answer in answers])
        given = [(answer.probabilities or {}).get(row.output.strip(), 0.0) for answer, row in zip(answers, asked, strict=True)]
        self.surprise.append([round(-float(np.log(max(share, _LEAST))), 4) for share in given])
        self.seconds += time.monotonic() - start
        return score(self.bench, self.rows.choosing, self.answers[-1][: len(self.rows.choosing)])


def score(bench: BenchTask, rows: Sequence[Example], answers: Sequence[str]) -> float:
    """The task's metric as a share of its best value."""
    return share_of_best(bench.task, item_statistics(bench.task, [row.output for row in rows], list(answers)).value())


def measure(base: BaseLM, bench: BenchTask, rows: Rows, name: str, seed: int) -> Trial:
    """Train once to the last step and record every evaluation."""
    variant = VARIANTS[name]
    config = TrainConfig(
        label_loss=variant.label_loss,
        balance=variant.balance,
        rank=variant.rank,
        epochs=default_epochs(len(rows.train), variant.epochs_factor),
        learning_rate=default_learning_rate(base.ref.hidden_size) * variant.rate_factor,
        method="lora",
        patience=_NEVER,
        seed=seed,
    )
    data = TrainingData.of_task(bench.task, {"train": rows.train, "dev": rows.choosing}, bench.name)
    plan = plan_run(base.info, data, config, dtype=base.dtype, device=base.device.type)
    adapter = Adapter(base.model, LoraSpec(plan.resolved.rank, plan.resolved.alpha))
    adapter.initialise(seed)
    recorder = _Recorder(base, bench, rows, plan, [], [])
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="recipe-") as place:
        run = TrainingRun(adapter, plan, config, Path(place), score=recorder.score)
        list(train_adapters(base, [run]))
    points = [*run.state.dev_curve, *([run.average] if run.average else [])]
    candidates = [
        Candidate(point.step, point is run.average, point.dev_loss, answers, surprise)
        for point, answers, surprise in zip(points, recorder.answers, recorder.surprise, strict=True)
    ]
    seconds = time.monotonic() - start - recorder.seconds
    return Trial(bench.name, name, len(rows.train), plan.resolved.steps, round(seconds, 1), candidates)


Choose = Callable[[Sequence[Candidate], Sequence[int]], Candidate]
"""Candidates and the choosing rows that may be looked at → the one that is kept."""


def ways_of(bench: BenchTask, rows: Rows) -> dict[str, Choose]:
    """The ways of choosing that are compared."""

    def by_score(candidate: Candidate, seen: Sequence[int]) -> float:
        return score(bench, [rows.choosing[row] for row in seen], [candidate.answers[row] for row in seen])

    def surprise(candidate: Candidate, seen: Sequence[int]) -> float:
        return fmean(candidate.surprise[row] for row in seen)

    def steps(candidates: Sequence[Candidate]) -> list[Candidate]:
        return [candidate for candidate in candidates if not candidate.average]

    return {
        "last": lambda found, _: steps(found)[-1],
        "average": lambda found, _: found[-1],
        "loss": lambda found, _: min(steps(found), key=lambda one: one.dev_loss),
        "loss, or average": lambda found, _: min(found, key=lambda one: one.dev_loss),
        "label loss": lambda found, seen: min(steps(found), key=lambda one: surprise(one, seen)),
        "score": lambda found, seen: max(steps(found), key=lambda one: (by_score(one, seen), -one.dev_loss)),
        "score, or average": lambda found, seen: max(found, key=lambda one: (by_score(one, seen), -one.dev_loss)),
    }


def judged(bench: BenchTask, rows: Rows, trial: Trial, few: int | None = None) -> dict[str, float]:
    """The score of each way's choice on the judging rows.

    Args:
        few: choose by so many of the choosing rows instead of all; the mean over many draws of them.
    """
    first = len(rows.choosing)
    scores = {(one.step, one.average): score(bench, rows.judging, one.answers[first:]) for one in trial.candidates}
    draw = random.Random(0)
    looks = [range(first)] if few is None else [draw.sample(range(first), few) for _ in range(_DRAWS)]
    found = {}
    for way, choose in ways_of(bench, rows).items():
        kept = [choose(trial.candidates, seen) for seen in looks]
        found[way] = fmean(scores[one.step, one.average] for one in kept)
    return found


def table(bench: BenchTask, rows: Rows, trials: Sequence[Trial]) -> str:
    """A Markdown table of one task: a row per recipe, a column per way of choosing."""
    ways = list(ways_of(bench, rows))
    head = f"| {bench.name}, {len(rows.train)} rows | steps | seconds | " + " | ".join(ways) + " |\n"
    lines = [head + "|---" * (len(ways) + 3) + "|\n"]
    for trial in trials:
        scores = judged(bench, rows, trial)
        lines.append(
            f"| {trial.variant} | {trial.steps} | {trial.seconds:.0f} | "
            + " | ".join(f"{scores[way]:.3f}" for way in ways)
            + " |\n"
        )
    for few in [count for count in (16, 32, 64) if count < len(rows.choosing)]:
        means = [judged(bench, rows, trial, few) for trial in trials]
        cells = " | ".join(f"{fmean(scores[way] for scores in means):.3f}" for way in ways)
        lines.append(f"| mean, {few} rows choose | | | {cells} |\n")
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is not measured yet, and write `<name>.md` and `<name>.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipe", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--tasks-folder", type=Path, help="folder of task folders (ANYTASKTUNE_BENCH_TASKS, else the demo)")
    add("--tasks", default="", help="names of tasks, with commas (all)")
    add("--variants", default=",".join(VARIANTS), help="names of recipes, with commas (all)")
    add("--rows", type=int, default=400, help="train rows of each task (400)")
    add("--seed", type=int, default=0, help="of first weights and order (0)")
    add("--model", default="smollm2-135m", help="base model")
    add("--out", type=Path, default=ROOT / "benchmarks" / "results", help="folder for results")
    add("--name", default="recipe", help="name of the results; the same name goes on")
    given = parser.parse_args(arguments)
    quiet_libraries()
    names = [name for name in given.tasks.split(",") if name]
    ledger = Ledger(given.out / "raw" / f"{given.name}.jsonl", __version__)
    base = load_base(given.model)
    page: list[str] = []
    trials: list[Trial] = []
    for bench in read_tasks(tasks_folder(given.tasks_folder), names):
        rows, of_task = Rows.of(bench, given.rows), []
        for name in given.variants.split(","):
            key = f"{bench.name}, {name}, {VARIANTS[name]}, {len(rows.train)} rows, seed {given.seed}, {given.model}"
            trial = ledger.measure(key, Trial, partial(measure, base, bench, rows, name, given.seed))
            if trial is not None:
                of_task.append(trial)
                print(table(bench, rows, of_task), flush=True)
        page.append(table(bench, rows, of_task))
        trials += of_task
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / f"{given.name}.md").write_text("\n".join(page), encoding="utf-8", newline="\n")
    content = [asdict(trial) for trial in trials]
    (given.out / f"{given.name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
