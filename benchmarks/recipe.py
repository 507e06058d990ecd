"""Recipes of training compared on dev: loss, sampling, epochs, rank, rate, first weights, and which weights are kept.

    python -m benchmarks.recipe --tasks-folder FOLDER --tasks law_en_sentence_role --rows 400 --variants plain,labels
    python -m benchmarks.recipe --tasks matter_routing
    python -m benchmarks.recipe --pack law --language en --variants plain,mixed,from_mixed

One half of dev chooses the weights, the other one judges the choice; test is not read. Where a task has no dev rows, a fifth
of its train rows choose and another fifth judge. The variants `mixed` and `from_mixed` train one adapter on all tasks first.
Every evaluation of a run is recorded, so that one training shows all ways of choosing. A killed comparison goes on where it
was; results are written after every run.
"""

import argparse
import json
import random
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean
from typing import Literal, get_args

import numpy as np
import torch

from anytasktune.inference.task_predictor import TaskPredictor
from anytasktune.models.load import BaseLM, load_base
from anytasktune.models.lora import Adapter, LoraSpec
from anytasktune.records import Language
from anytasktune.schema import Example
from anytasktune.scorers import item_statistics, share_of_best
from anytasktune.settings import TrainConfig
from anytasktune.training.fit_head import fit_label_head
from anytasktune.training.loop import TrainingRun
from anytasktune.training.multi_adapter import train_adapters
from anytasktune.training.presets import default_epochs, default_learning_rate, default_rank
from anytasktune.training.run_plan import RunPlan, plan_run
from anytasktune.training.task_rows import TaskRows, TrainingData
from anytasktune.version import __version__
from benchmarks.bench_tasks import BenchTask, read_pack, read_tasks, tasks_folder
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
    """A recipe; factors are on the default of the task's rows and the model.

    Attributes:
        dropped_words: share of the words of every training input that is left out.
        mixed: `alone`: the adapter of all tasks as it is; `first`: the task's own training starts from it.
    """

    label_loss: float = 0.0
    balance: bool = False
    epochs_factor: float = 1.0
    rate_factor: float = 1.0
    rank: int | None = None
    dropped_words: float = 0.0
    mixed: Literal["no", "alone", "first"] = "no"


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
    "dropped_words": Variant(dropped_words=0.1),
    "mixed": Variant(mixed="alone"),
    "from_mixed": Variant(mixed="first", epochs_factor=0.5),
}


@dataclass(frozen=True)
class Rows:
    """The rows of one task: to learn from, to choose the weights by, and to judge the choice by."""

    train: list[Example]
    choosing: list[Example]
    judging: list[Example]

    @classmethod
    def of(cls, bench: BenchTask, most: int) -> "Rows":
        """Dev divided in halves; where it is small, the judging rows are taken from the end of train.

        Without dev, a fifth of train chooses and another one judges.
        """
        if not bench.dev:
            rest = [row for place, row in enumerate(bench.train) if place % 5 < 3]
            return cls(rest[:most], bench.train[3::5], bench.train[4::5])
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
    with_head: float | None = None
    """Score on the judging rows of the kept weights together with a label head; None where there is none."""


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


def score_with_head(recorder: _Recorder, adapter: Adapter) -> float | None:
    """Score on the judging rows of an adapter with the label head that its Task-LM would have."""
    rows, task = recorder.rows, recorder.bench.task
    part = TaskRows(task, {"train": rows.train, "dev": rows.choosing}, recorder.bench.name)
    decoding = recorder.plan.decoding[task.name]
    head = fit_label_head(recorder.base, part, adapter, decoding=decoding)
    if head is None:
        return None
    answers = TaskPredictor(recorder.base, task, decoding, adapter=adapter, head=head).answer(rows.judging)
    return round(score(recorder.bench, rows.judging, [answer.output for answer in answers]), 4)


def score(bench: BenchTask, rows: Sequence[Example], answers: Sequence[str]) -> float:
    """The task's metric as a share of its best value."""
    return share_of_best(bench.task, item_statistics(bench.task, [row.output for row in rows], list(answers)).value())


@dataclass(frozen=True)
class Pool:
    """All tasks of a comparison, which the variants `mixed` and `from_mixed` learn together."""

    base: BaseLM
    benches: Sequence[BenchTask]
    rows: Sequence[Rows]
    seed: int

    @cached_property
    def rank(self) -> int:
        """Rank of the adapter of all tasks, by their rows together."""
        return default_rank(sum(len(rows.train) for rows in self.rows))

    @cached_property
    def adapter(self) -> Adapter:
        """The adapter of all tasks; the dev rows of all choose its weights, by loss."""
        parts = [
            TaskRows(bench.task, {"train": rows.train, "dev": rows.choosing}, bench.name)
            for bench, rows in zip(self.benches, self.rows, strict=True)
        ]
        config = TrainConfig(rank=self.rank, method="lora", select_by="loss", seed=self.seed)
        plan = plan_run(
            self.base.info,
            TrainingData("mixed-pool", tuple(parts)),
            config,
            dtype=self.base.dtype,
            device=self.base.device.type,
        )
        adapter = Adapter(self.base.model, LoraSpec(plan.resolved.rank, plan.resolved.alpha))
        adapter.initialise(self.seed)
        with tempfile.TemporaryDirectory(prefix="recipe-") as place:
            list(train_adapters(self.base, [TrainingRun(adapter, plan, config, Path(place))]))
        return adapter


def without_words(row: Example, share: float, draw: random.Random) -> Example:
    """The row with so large a share of the words of its input left out; of Chinese, of its characters."""
    parts = re.findall(r"[\u4e00-\u9fff]|[^\s\u4e00-\u9fff]+|\s+", row.input)
    kept = "".join(part for part in parts if part.isspace() or draw.random() >= share)
    return row.model_copy(update={"input": kept if kept.strip() else row.input})


def measure(base: BaseLM, pool: Pool, bench: BenchTask, rows: Rows, name: str, seed: int) -> Trial:
    """Train once to the last step and record every evaluation."""
    variant = VARIANTS[name]
    if variant.dropped_words:
        draw = random.Random(seed)
        rows = replace(rows, train=[without_words(row, variant.dropped_words, draw) for row in rows.train])
    config = TrainConfig(
        label_loss=variant.label_loss,
        balance=variant.balance,
        rank=variant.rank if variant.mixed == "no" else pool.rank,
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
    if variant.mixed == "alone":
        recorder.score(pool.adapter)
        seconds = time.monotonic() - start - recorder.seconds
        only = Candidate(0, False, 0.0, recorder.answers[0], recorder.surprise[0])
        headed = score_with_head(recorder, pool.adapter)
        return Trial(bench.name, name, len(rows.train), 0, round(seconds, 1), [only], headed)
    if variant.mixed == "first":
        learned = pool.adapter.flat  # trained here if it is not yet, which takes gradients
        with torch.no_grad():
            adapter.flat.copy_(learned)
    with tempfile.TemporaryDirectory(prefix="recipe-") as place:
        run = TrainingRun(adapter, plan, config, Path(place), score=recorder.score)
        list(train_adapters(base, [run]))
    points = [*run.state.dev_curve, *([run.average] if run.average else [])]
    candidates = [
        Candidate(point.step, point is run.average, point.dev_loss, answers, surprise)
        for point, answers, surprise in zip(points, recorder.answers, recorder.surprise, strict=True)
    ]
    seconds = time.monotonic() - start - recorder.seconds
    headed = score_with_head(recorder, adapter)
    return Trial(bench.name, name, len(rows.train), plan.resolved.steps, round(seconds, 1), candidates, headed)


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
    head = f"| {bench.name}, {len(rows.train)} rows | steps | seconds | " + " | ".join(ways) + " | with label head |\n"
    lines = [head + "|---" * (len(ways) + 4) + "|\n"]
    for trial in trials:
        scores = judged(bench, rows, trial)
        lines.append(
            f"| {trial.variant} | {trial.steps} | {trial.seconds:.0f} | "
            + " | ".join(f"{scores[way]:.3f}" for way in ways)
            + (" | – |\n" if trial.with_head is None else f" | {trial.with_head:.3f} |\n")
        )
    for few in [count for count in (16, 32, 64) if count < len(rows.choosing)]:
        means = [judged(bench, rows, trial, few) for trial in trials]
        cells = " | ".join(f"{fmean(scores[way] for scores in means):.3f}" for way in ways)
        lines.append(f"| mean, {few} rows choose | | | {cells} | |\n")
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is not measured yet, and write `<name>.md` and `<name>.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipe", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--tasks-folder", type=Path, help="folder of task folders (ANYTASKTUNE_BENCH_TASKS, else the demo)")
    add("--tasks", default="", help="names of tasks, with commas (all)")
    add("--pack", help="a pack's tasks instead")
    add("--language", choices=get_args(Language), help="of the pack's rows (all)")
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
    found = read_pack(given.pack, given.language) if given.pack else read_tasks(tasks_folder(given.tasks_folder), names)
    benches = [bench for bench in found if not names or bench.name in names]
    pool = Pool(base, benches, [Rows.of(bench, given.rows) for bench in benches], given.seed)
    among = [bench.name for bench in benches]
    for bench, rows in zip(pool.benches, pool.rows, strict=True):
        of_task: list[Trial] = []
        for name in given.variants.split(","):
            key = f"{bench.name}, {name}, {VARIANTS[name]}, {len(rows.train)} rows, seed {given.seed}, {given.model}"
            if VARIANTS[name].mixed != "no":
                key += f", learned with {', '.join(among)}"
            trial = ledger.measure(key, Trial, partial(measure, base, pool, bench, rows, name, given.seed))
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
