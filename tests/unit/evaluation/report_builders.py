"""Real reports built from real scores, for the tests of this room."""

from collections.abc import Iterable, Mapping, Sequence

from anytasktune.evaluation.comparison import build_report, task_report
from anytasktune.evaluation.scoring import ScoredSystem, score_system
from anytasktune.outputs import JsonOutput, LabelOutput, NumberOutput, Output, TextOutput
from anytasktune.records import Usage
from anytasktune.schema import (
    AnsweringUsage,
    BaseModelRef,
    Decoding,
    EvalPoint,
    Example,
    Prediction,
    PredictionSet,
    Report,
    ResolvedTrainConfig,
    Run,
    Task,
    TaskReport,
)
from anytasktune.settings import TASK_LMS, EvalConfig, System, TrainConfig

CONFIG = EvalConfig(resamples=400)
LABELS = LabelOutput(kind="label", labels=["租金", "押金", "other"])


def task_with(output: Output, name: str = "topic", title: str = "Topic of a letter") -> Task:
    titles = {"en": title, "zh": "来信主题"}
    return Task.model_validate({"name": name, "title": titles, "instruction": {"en": "Do it."}, "output": output})


def examples_of(outputs: Sequence[str], text: str = "letter") -> list[Example]:
    return [Example(input=f"{text} {number}", output=output) for number, output in enumerate(outputs)]


def predictions_of(
    system: System, examples: Sequence[Example], outputs: Sequence[str], failed: Sequence[int] = (), cut: Sequence[int] = ()
) -> PredictionSet:
    predictions = [
        Prediction(
            example_id=example.id,
            system=system,
            output="" if row in failed else output,
            truncated=row in cut,
            error="the prompt does not fit" if row in failed else None,
        )
        for row, (example, output) in enumerate(zip(examples, outputs, strict=True))
    ]
    return PredictionSet(
        id="p",
        task="topic",
        system=system,
        dataset="d",
        split="test",
        decoding=Decoding(method="greedy", max_new_tokens=64),
        predictions=predictions,
        usage=AnsweringUsage(seconds=3.2, answers=len(predictions)),
    )


def runs_of(systems: Iterable[System]) -> dict[System, Run]:
    """A training for every Task-LM among `systems`."""
    learned: dict[System, list[str]] = {
        "tuned": ["topic"],
        "action": ["topic", "names"],
        "mixed": ["topic", "names", "summary"],
    }
    return {system: run_of(learned[system]) for system in systems if system in TASK_LMS}


def run_of(tasks: Sequence[str] = ("topic",), config: TrainConfig | None = None) -> Run:
    curve = ((10, 1.5), (20, 0.7), (30, 0.9))
    return Run(
        id="r",
        target=tasks[0],
        tasks=list(tasks),
        datasets=dict.fromkeys(tasks, "d"),
        config=config or TrainConfig(),
        resolved=ResolvedTrainConfig(rank=8, alpha=16, learning_rate=1e-3, epochs=2, steps=30, dtype="float32", device="cpu"),
        base_model=BaseModelRef(name="m", fingerprint="f", hidden_size=32, layers=2),
        train_rows=120 * len(tasks),
        dev_rows=30,
        steps_done=30,
        best_step=20,
        dev_curve=[EvalPoint(step=step, dev_loss=loss) for step, loss in curve],
        final_train_loss=0.5,
        stopped_early=False,
        usage=Usage(seconds=95),
        versions={},
    )


def report_on(
    task: Task, examples: Sequence[Example], answers: Mapping[System, Sequence[str]], available: int | None = None
) -> TaskReport:
    scored = [score_system(task, examples, predictions_of(system, examples, given)) for system, given in answers.items()]
    return task_report(task, examples, scored, runs_of(answers), CONFIG, available)


def scored_by(task: Task, examples: Sequence[Example], answers: Mapping[System, Sequence[str]]) -> list[ScoredSystem]:
    return [score_system(task, examples, predictions_of(system, examples, given)) for system, given in answers.items()]


def wrong_after(outputs: Sequence[str], right: int, wrong: str) -> list[str]:
    """The first `right` outputs, and `wrong` for all others."""
    return [output if row < right else wrong for row, output in enumerate(outputs)]


def full_report(title: str = "Topic of a letter", text: str = "letter", wrong: str = "nonsense") -> Report:
    """One clear win, one inconclusive and one loss, of three output kinds."""
    labels = ["租金", "押金", "other"] * 20
    objects = [f'{{"客户": ["name{row}"]}}' for row in range(20)]
    texts = [f"the summary of letter number {row}" for row in range(40)]
    won, undecided, lost = examples_of(labels, text), examples_of(objects, text), examples_of(texts, text)
    tasks = [
        report_on(
            task_with(LABELS, "topic", title),
            won,
            {"base": [wrong] * 60, "few_shot": wrong_after(labels, 25, "other"), "tuned": wrong_after(labels, 54, wrong)},
            available=90,
        ),
        report_on(
            task_with(JsonOutput(kind="json"), "names", "Names in a letter"),
            undecided,
            {
                "base": wrong_after(objects, 15, wrong),
                "few_shot": wrong_after(objects, 15, "{}"),
                "tuned": wrong_after(objects, 16, wrong),
            },
        ),
        report_on(
            task_with(TextOutput(kind="text"), "summary", "Summary of a letter"),
            lost,
            {"base": texts, "few_shot": texts, "tuned": wrong_after(texts, 20, wrong)},
        ),
    ]
    versions = {"anytasktune": "0.1.0", "torch": "2.13.0"}
    return build_report("letters", "tiny", tasks, CONFIG, versions, "Linux, 2 CPU threads", "2026-01-02T03:04:05+00:00")


def number_task() -> Task:
    return task_with(NumberOutput(kind="number", minimum=1, maximum=7, decimals=1), "urgency", "Urgency of a letter")
