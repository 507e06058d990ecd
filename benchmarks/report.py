"""Results as Markdown tables. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import geometric_mean

from benchmarks.evaluation import EvaluationResult
from benchmarks.fixed_costs import FixedCosts
from benchmarks.gates import GateResult, gates_page
from benchmarks.growth import Growth
from benchmarks.machine import Machine
from benchmarks.roofline import RooflineResult
from benchmarks.similarity import SameWords, SearchCost, similarity_page
from benchmarks.teacher import TeacherOverhead
from benchmarks.training import TrainingResult
from benchmarks.trl_settings import SettingTrial


@dataclass
class Results:
    """Everything one benchmark measured."""

    machine: Machine
    model: str
    settings: list[SettingTrial] = field(default_factory=list)
    training: list[TrainingResult] = field(default_factory=list)
    exact: list[TrainingResult] = field(default_factory=list)
    """The same comparison in float32, where equal curves must be equal to rounding."""
    evaluation: list[EvaluationResult] = field(default_factory=list)
    roofline: list[RooflineResult] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    fixed: list[FixedCosts] = field(default_factory=list)
    teacher: list[TeacherOverhead] = field(default_factory=list)
    gates: list[GateResult] = field(default_factory=list)
    searches: list[SearchCost] = field(default_factory=list)
    same_words: list[SameWords] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


def markdown(results: Results, picture: str = "") -> str:
    """The whole page.

    Args:
        picture: file name of the growth curves.
    """
    parts = [
        _machine(results.machine, results.model),
        _training("Training: ours and TRL's SFTTrainer in turns", results.training),
        _training("The same in float32", results.exact),
        _settings(results.settings),
        _evaluation(results.evaluation),
        _roofline(results.roofline),
        *(_growth(curve) for curve in results.growth),
        f"![growth]({picture})" if picture and results.growth else "",
        _fixed(results.fixed),
        _teacher(results.teacher),
        gates_page(results.gates),
        similarity_page(results.searches, results.same_words),
        _failures(results.failures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _machine(machine: Machine, model: str) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine.versions.items())
    load = " ".join(f"{value:.2f}" for value in machine.load) or "unknown"
    environment = ", ".join(f"{name}={value}" for name, value in machine.environment.items()) or "none"
    rows = [
        ["date", machine.day],
        ["model", model],
        ["processor", f"{machine.processor}, {machine.cores} cores, {machine.threads} threads used"],
        ["processor flags", " ".join(machine.flags) or "unknown"],
        ["GPU", machine.gpu],
        ["memory", f"{machine.memory_gb} GB"],
        ["system", machine.system],
        ["versions", versions],
        ["code", machine.commit],
        ["load at start (1, 5, 15 minutes)", load],
        ["thread variables", environment],
    ]
    return "# Benchmark results\n\n" + "\n".join(["| | |", "|---|---|", *(f"| {head} | {text} |" for head, text in rows)])


def _training(title: str, results: Sequence[TrainingResult]) -> str:
    if not results:
        return ""
    heads = ["task", "P", "S", "answer", "B", "TRL ms/step", "ours ms/step", "TRL samples/s", "ours samples/s", "ratio"]
    rows = [
        [
            result.task,
            *(f"{value:.0f}" for value in (result.prefix, result.rest)),
            f"{result.answer:.1f}",
            str(result.batch),
            f"{_spread(result.trl_seconds)}",
            f"{_spread(result.our_seconds)}",
            f"{result.batch / result.trl_step:.3f}",
            f"{result.batch / result.our_step:.2f}",
            f"{result.ratio:.1f}",
            f"{result.trl_padding:.0%}",
            f"{max(result.trl_losses):.2f} → {result.trl_losses[-1]:.2f}",
            f"{result.loss_difference:.2g}",
        ]
        for result in results
    ]
    mean = geometric_mean(result.ratio for result in results)
    settings = "; or with ".join(sorted({str(result.trl) for result in results}))
    notes = (
        f"Geometric mean of the ratios over {len(results)} tasks: **{mean:.1f}**. Largest difference of the loss curves: "
        f"{max(result.loss_difference for result in results):.2g}. {results[0].dtype}; TRL with {settings}. P: tokens "
        "all prompts share; S: mean tokens of an example after them, answer included; in brackets the fastest and slowest step."
    )
    return f"## {title}\n\n{_table([*heads, 'TRL padding', 'loss', 'loss difference'], rows)}\n\n{notes}"


def _spread(seconds: Sequence[float]) -> str:
    mean = sum(seconds) / len(seconds)
    return f"{mean * 1000:,.0f} ({min(seconds) * 1000:,.0f} to {max(seconds) * 1000:,.0f})"


def _settings(trials: Sequence[SettingTrial]) -> str:
    if not trials:
        return ""
    ordered = sorted(trials, key=lambda trial: (trial.row_tokens, trial.task, trial.step))
    rows = [
        [trial.task, str(trial.settings), f"{trial.row_tokens:.0f}", *(f"{s * 1000:,.0f}" for s in (trial.first, trial.step))]
        for trial in ordered
    ]
    return "## Settings of TRL tried\n\n" + _table(
        ["task", "settings", "tokens of a row", "first step, ms", "best ms/step"], rows
    )


def _evaluation(results: Sequence[EvaluationResult]) -> str:
    if not results:
        return ""
    heads = ["task", "precision", "rows", "P", "rest of prompt", "new tokens", "HF examples/s", "ours examples/s", "ratio"]
    rows = [
        [
            result.task + (" (labels scored)" if result.scored_labels else ""),
            result.dtype,
            str(result.rows),
            f"{result.prefix:.0f}",
            f"{result.rest:.0f}",
            f"{result.new_tokens:.1f}",
            f"{result.rows * len(result.hf_seconds) / sum(result.hf_seconds):.2f}",
            f"{result.rows * len(result.our_seconds) / sum(result.our_seconds):.2f}",
            f"{result.ratio:.1f}",
            f"{result.generate_ratio:.1f}",
            f"{result.equal_answers:.1%}",
        ]
        for result in results
    ]
    means = [
        f"{dtype}: **{geometric_mean(result.ratio for result in results if result.dtype == dtype):.1f}**"
        for dtype in sorted({result.dtype for result in results})
    ]
    notes = f"Geometric means of the ratios, {', '.join(means)}. Hugging Face `generate` with batches of {results[0].batch}."
    table = _table([*heads, "ratio when ours generates too", "rows with equal tokens"], rows)
    return f"## Evaluation: ours and Hugging Face generate in turns\n\n{table}\n\n{notes}"


def _roofline(results: Sequence[RooflineResult]) -> str:
    if not results:
        return ""
    heads = [
        "task",
        "precision",
        "trunk tokens needed",
        "predictions",
        "ms/step",
        "useful GFLOP/s",
        "bare GEMM GFLOP/s",
        "share",
    ]
    rows = [
        [
            result.task,
            result.dtype,
            f"{result.trunk_tokens:,.0f}",
            f"{result.predictions:,.0f}",
            f"{result.seconds * 1000:,.0f}",
            f"{result.useful:,.0f}",
            f"{result.bare:,.0f}",
            f"{result.share:.0%}",
            f"{result.best_share:.0%}",
        ]
        for result in results
    ]
    return "## Useful work over bare matrix products\n\n" + _table([*heads, "share, best step"], rows)


def _growth(curve: Growth) -> str:
    heads = [curve.axis, f"seconds per {curve.unit}", "ms per example"]
    rows = [[f"{p.x:,}", f"{p.seconds:.2f}", f"{p.per_example * 1000:,.0f}"] for p in curve.points]
    return f"## Growth over {curve.axis}\n\n" + _table(heads, rows)


def _fixed(results: Sequence[FixedCosts]) -> str:
    if not results:
        return ""
    rows = [["`anytasktune --help`", f"{results[0].best_help:.2f}"]]
    for result in results:
        stages = result.best_start
        rows.append([f"cold start to the end of the first step, {result.task}", f"{sum(stages.values()):.2f}"])
        rows += [[f"of it {stage}", f"{seconds:.2f}"] for stage, seconds in stages.items()]
    return "## Fixed costs\n\n" + _table(["what", "seconds, best"], rows)


def _teacher(results: Sequence[TeacherOverhead]) -> str:
    if not results:
        return ""
    heads = ["requests at once", "requests", "requests/s", "slowest round", "our processor ms/request", "kept answers/s"]
    rows = [
        [
            str(result.concurrency),
            f"{result.questions * len(result.seconds):,}",
            f"{result.rate:,.0f}",
            f"{result.questions / max(result.seconds):,.0f}",
            f"{result.processor_ms:.2f}",
            f"{result.found_rate:,.0f}",
        ]
        for result in results
    ]
    return "## Asking a teacher that answers at once\n\n" + _table(heads, rows)


def _failures(failures: dict[str, str]) -> str:
    lines = [f"- {name}: {reason.splitlines()[0]}" for name, reason in failures.items()]
    return "\n".join(["## Not measured", "", *lines]) if lines else ""
