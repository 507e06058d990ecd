"""One benchmark: its parts in turn, finished measurements kept, results written."""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from anytasktune.models.load import BaseLM
from benchmarks.bench_tasks import BenchTask
from benchmarks.evaluation import EvaluationResult, compare_evaluation, tuned_adapter
from benchmarks.fixed_costs import FixedCosts, measure_fixed_costs
from benchmarks.gates import GateResult, measure_gates
from benchmarks.growth import GLANCE, Growth, Scale, over_batch, over_prefix, over_rows, over_tasks
from benchmarks.ledger import Ledger
from benchmarks.machine import Machine
from benchmarks.options import Options
from benchmarks.our_engine import Setup, fitting, open_base
from benchmarks.report import Results, markdown
from benchmarks.roofline import RooflineResult, measure_roofline
from benchmarks.similarity import (
    SameWords,
    SearchCost,
    measure_same_words,
    measure_search,
    searches,
)
from benchmarks.teacher import TeacherOverhead, measure_teacher
from benchmarks.training import EncodedTask, TrainingResult, compare_training, try_settings
from benchmarks.trl_settings import SettingTrial, TrlSettings, default_settings, fastest, kinds, sizes, within_memory

_EVALUATED = ("fin_en_banking_intent", "law_en_sentence_role", "hr_en_skill_extraction", "psy_zh_counsel_reply")
_SHORT = "law_en_sentence_role"
_COLD_STARTS = ("law_en_sentence_role", "fin_en_banking_intent")
Result = TypeVar("Result")


class Session:
    """Holds the model and the results while the parts run."""

    def __init__(self, options: Options, tasks: Sequence[BenchTask], machine: Machine, ledger: Ledger) -> None:
        self.options = options
        self.all_tasks = list(tasks)
        self.ledger = ledger
        self.setup = Setup(model=options.model, dtype=options.dtype, device="cpu", batch=options.batch)
        self._source = f"tasks of {options.folder.name if options.folder else 'the demo'}"
        self.results = Results(machine, options.model)
        self.work = ledger.path.with_suffix("")
        self.parts: dict[str, Callable[[], None]] = {
            "fixed": self.fixed,
            "settings": self.settings,
            "training": self.training,
            "evaluation": self.evaluation,
            "roofline": self.roofline,
            "growth": self.growth,
            "gates": self.gates,
            "teacher": self.teacher,
            "similarity": self.similarity,
        }

    @cached_property
    def base(self) -> BaseLM:
        return open_base(self.setup)

    @cached_property
    def base32(self) -> BaseLM:
        return self.base if self.base.dtype == "float32" else open_base(self.setup, "float32")

    @cached_property
    def tasks(self) -> list[BenchTask]:
        """The tasks without rows that are too long for the model: both sides get the same."""
        return [
            BenchTask(bench.task, *(fitting(self.base, bench.task, rows) for rows in (bench.train, bench.test)))
            for bench in self.all_tasks
        ]

    def fixed(self) -> None:
        """The help text, and cold starts."""
        times = 1 if self.options.quick else 3
        there = [bench.name for bench in self.all_tasks]
        for name in [name for name in _COLD_STARTS if name in there] or there[:1]:
            run = partial(measure_fixed_costs, name, self.options.folder, self.setup, times)
            self._keep(self.results.fixed, f"fixed costs, {name}, {times} times", FixedCosts, run)

    def settings(self) -> None:
        """TRL's candidates: rows at once on tasks of short, middling and long rows, the rest on the middling one."""
        by_length = sorted(self.tasks, key=self._row_tokens)
        middling = by_length[len(by_length) // 2]
        lengths = {bench.name: bench for bench in (middling, by_length[0], by_length[-1])}
        tried = [(bench, settings) for bench in lengths.values() for settings in self._sizes(bench)]
        others = kinds(self.setup.batch, self.base.dtype, compiled=self.options.compiled)
        tried += [(middling, settings) for settings in others]
        for bench, settings in tried[1:3] if self.options.quick else tried:
            run = partial(self._in_folder, partial(try_settings, self.base, bench, self.setup, settings, 2))
            self._keep(self.results.settings, f"TRL settings, {bench.name}, {settings}", SettingTrial, run)

    def _sizes(self, bench: BenchTask) -> list[TrlSettings]:
        longest = max(len(row.ids) for row in EncodedTask.of(self.base, bench).rows)
        fitting = (within_memory(settings, longest) for settings in sizes(self.setup.batch, self.base.dtype))
        return list(dict.fromkeys(fitting))

    def _row_tokens(self, bench: BenchTask) -> float:
        return EncodedTask.of(self.base, bench).row_tokens

    def training(self) -> None:
        """Every task against TRL; one also in float32."""
        usual = default_settings(self.setup.batch, self.base.dtype)
        for bench in self.tasks:
            best = fastest(self.results.settings, self._row_tokens(bench), usual)
            self._compare_training(self.base, bench, best, self.results.training)
        exact = default_settings(self.setup.batch, "float32")
        if self.base.dtype != "float32" and not self.options.quick:
            self._compare_training(self.base32, self._task(_SHORT), exact, self.results.exact)

    def _compare_training(self, base: BaseLM, bench: BenchTask, trl: TrlSettings, into: list[TrainingResult]) -> None:
        steps = self.options.steps
        run = partial(self._in_folder, partial(compare_training, base, bench, self.setup, trl, steps))
        self._keep(into, f"training, {bench.name}, {base.dtype}, {steps} steps, TRL with {trl}", TrainingResult, run)

    def evaluation(self) -> None:
        """A few tasks against `generate`, in float32, and in bfloat16 where that is what is used."""
        some = [bench for bench in self.tasks if bench.name in _EVALUATED] or self.tasks
        bases = [self.base] if self.base.dtype == "float32" else [self.base, self.base32]
        for bench in some:
            for base in bases:
                name = f"evaluation, {bench.name}, {base.dtype}, {self.options.rows} rows, {self.options.adapter_steps} steps"
                self._keep(self.results.evaluation, name, EvaluationResult, partial(self._evaluate, base, bench))

    def _evaluate(self, base: BaseLM, bench: BenchTask) -> EvaluationResult:
        place = self.work / f"adapters-{self.ledger.code}"
        adapter = tuned_adapter(self.base, bench, self.setup, self.options.adapter_steps, place)
        rounds = 1 if self.options.quick else 2
        return compare_evaluation(base, bench, self.setup, adapter, self.options.rows, rounds)

    def roofline(self) -> None:
        """Useful work of every task's steps over bare products."""
        for bench in self.tasks:
            steps = max(2, self.options.steps)
            run = partial(measure_roofline, self.base, bench, self.setup, steps)
            self._keep(self.results.roofline, f"roofline, {bench.name}, {steps} steps", RooflineResult, run)

    def growth(self) -> None:
        """Four curves."""
        scale = GLANCE if self.options.quick else Scale()
        curves: dict[str, Callable[[], Growth]] = {
            "batch": partial(over_batch, self.base, self.setup, scale),
            "prefix": partial(over_prefix, self.base, self.setup, scale),
            "rows": partial(over_rows, self.base, self._task(_SHORT), self.setup, scale),
            "tasks": partial(over_tasks, self.base, self.tasks, self.setup, scale),
        }
        for axis, run in curves.items():
            self._keep(self.results.growth, f"growth over {axis}, {len(self.all_tasks)} tasks, {scale}", Growth, run)

    def teacher(self) -> None:
        """What asking costs besides the teacher, with few and with many requests at once."""
        questions, rounds = (200, 1) if self.options.quick else (2000, 5)
        for concurrency in (32, 256):
            run = partial(measure_teacher, questions, concurrency, rounds)
            name = f"teacher, {questions} questions, {concurrency} at once, {rounds} rounds"
            self._keep(self.results.teacher, name, TeacherOverhead, run)

    def gates(self) -> None:
        """What the gates find of faults planted in the rows of every task."""
        for bench in self.all_tasks:
            run = partial(measure_gates, bench, self.all_tasks)
            self._keep(self.results.gates, f"gates, {bench.name}, of {len(self.all_tasks)} tasks", GateResult, run)

    def similarity(self) -> None:
        """What it takes to find what is said twice, and what is found."""
        for search in searches(self.options.quick, self.options.folder):
            name = f"similarity, {search.function} at {search.threshold}, {search.texts} texts"
            self._keep(self.results.searches, name, SearchCost, partial(measure_search, search))
        for bench in self.all_tasks:
            self._keep(
                self.results.same_words, f"similarity, words of {bench.name}", SameWords, partial(measure_same_words, bench)
            )

    def write(self, path: Path) -> list[Path]:
        """Write `path` with `.md`, `.json` and the picture of the growth; returns the files."""
        self.results.failures = dict(self.ledger.failures)
        path.parent.mkdir(parents=True, exist_ok=True)
        pictures = self._draw(path.with_name(path.name + "-growth"))
        page, numbers = path.with_name(path.name + ".md"), path.with_name(path.name + ".json")
        text = markdown(self.results, pictures[-1].name if pictures else "")
        page.write_text(text, encoding="utf-8", newline="\n")
        content = json.dumps(asdict(self.results), ensure_ascii=False, indent=1)
        numbers.write_text(content + "\n", encoding="utf-8", newline="\n")
        shutil.rmtree(self.work, ignore_errors=True)
        return [page, numbers, *pictures]

    def _draw(self, path: Path) -> list[Path]:
        if not self.results.growth:
            return []
        from benchmarks.plots import draw_growth

        return draw_growth(self.results.growth, path)

    def _task(self, wanted: str) -> BenchTask:
        return next((bench for bench in self.tasks if bench.name == wanted), self.tasks[0])

    def _keep(self, into: list[Result], name: str, kind: type[Result], run: Callable[[], Result]) -> None:
        details = f"{name}; {self.options.model}, {self.options.dtype}, batch {self.setup.batch}, {self._source}"
        result = self.ledger.measure(details, kind, run)
        if result is not None:
            into.append(result)

    @staticmethod
    def _in_folder(run: Callable[[Path], Result]) -> Result:
        with tempfile.TemporaryDirectory(prefix="bench-") as place:
            return run(Path(place))
