"""A run before it begins: its rows as tokens, its settings, its steps, and the time and memory it is expected to take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from anytasktune.errors import PreflightError, Problem
from anytasktune.inference.task_predictor import BATCH_TOKENS, decoding_for, label_tokens
from anytasktune.models.load import ModelInfo
from anytasktune.schema import Decoding, Estimate, ResolvedTrainConfig
from anytasktune.settings import DType, TrainConfig
from anytasktune.training.batches import Branches, RowSet, build_rows, label_branches
from anytasktune.training.dev_scoring import generated_dev_rows
from anytasktune.training.estimate import (
    LABELS_AT_ONCE,
    Answering,
    Speed,
    Work,
    answering_seconds,
    estimate,
    evaluations,
    load_of,
)
from anytasktune.training.fit_label_set_head import has_label_sets
from anytasktune.training.memory import Footprint
from anytasktune.training.presets import resolve, stream_tokens
from anytasktune.training.sampling import balanced_order, step_order
from anytasktune.training.task_rows import TaskRow, TrainingData, instructions
from anytasktune.training.tokenizing import Encode, encode_mixed

_BYTES: dict[DType, int] = {"float32": 4, "bfloat16": 2}


@dataclass(frozen=True)
class RunPlan:
    """A run before it begins.

    Attributes:
        train, dev: the rows as tokens, their prefixes cut off.
        lengths: tokens of each train row, its prefix included.
        resolved: the settings with every default filled in.
        order: indices of the train rows of every step.
        decoding: task → how its answers are made.
        with_heads: tasks that label heads can be fitted for.
        scored: the dev rows whose answers are scored at every evaluation; none where dev loss alone decides.
    """

    train: RowSet
    dev: RowSet
    lengths: Sequence[int]
    resolved: ResolvedTrainConfig
    order: list[list[int]]
    decoding: dict[str, Decoding]
    with_heads: frozenset[str]
    scored: Sequence[TaskRow] = ()


def plan_run(
    info: ModelInfo,
    data: TrainingData,
    config: TrainConfig,
    *,
    dtype: DType,
    device: str,
    share: bool = True,
    encode: Encode | None = None,
) -> RunPlan:
    """Choose rows, encode them, and lay out the steps.

    Args:
        share: whether the model can read a common prefix once.
        encode: makes the tokens; the model's tokenizer unless given.

    Raises:
        PreflightError: a row is longer than the model's context or `max_length`, or a task has no training rows.
    """
    train, dev = data.train_rows(config), data.dev_rows(config)
    encoded_train, encoded_dev = (encode_mixed(rows, encode or info.format.encode_all) for rows in (train, dev))
    limit, fix = min(config.max_length, info.context_length), "shorten it or raise max_length"
    problems = [
        Problem(f"{len(item.ids)} tokens, more than {limit}", f"task {task.name}, row {row.id}", fix)
        for (task, row), item in zip([*train, *dev], [*encoded_train, *encoded_dev], strict=True)
        if len(item.ids) > limit
    ]
    if problems:
        raise PreflightError(problems)
    sizes = data.rows_by_task(config)
    resolved = resolve(config, info.ref, sizes, dtype=dtype, device=device)
    longest: dict[str, int] = {}
    for (task, _), item in zip(train, encoded_train, strict=True):
        longest[task.name] = max(item.answer_length, longest.get(task.name, 0))
    decoding = {
        part.task.name: decoding_for(part.task, [row for task, row in train if task is part.task], longest[part.task.name])
        for part in data.parts
    }
    headed = [part.task for part in data.parts if decoding[part.task.name].scores_answers or has_label_sets(part.task)]
    branches = _label_branches(info, data) if config.label_loss else {}
    plan = RunPlan(
        train=build_rows(encoded_train, instructions(train), share=share, batch_size=config.batch_size, branches=branches),
        dev=build_rows(encoded_dev, instructions(dev), share=share, batch_size=config.batch_size, branches=branches),
        lengths=[len(item.ids) for item in encoded_train],
        resolved=resolved,
        order=_order(train, sizes, resolved.steps, config),
        decoding=decoding,
        with_heads=frozenset(task.name for task in headed),
    )
    scored = _scored_rows(plan, info, data, config)
    resolved = resolved.model_copy(update={"scored_dev_rows": len(scored)})
    return replace(plan, resolved=resolved, scored=scored)


def _order(rows: Sequence[TaskRow], sizes: Mapping[str, int], steps: int, config: TrainConfig) -> list[list[int]]:
    if config.balance and len(sizes) == 1 and rows[0][0].output.single_choice:
        labels = [task.in_first_language(row.output.strip(), row.output.strip()) for task, row in rows]
        return balanced_order(labels, config.batch_size, steps, config.seed)
    return step_order(list(sizes.values()), config.batch_size, steps, config.seed, config.sampling_temperature)


def _label_branches(info: ModelInfo, data: TrainingData) -> dict[object, Branches]:
    """The branches of the labels of every label task, by the key of its rows."""
    return {
        (part.task.name, language): label_branches([info.format.answer_ids(label) for label in labels])
        for part in data.parts
        if part.task.output.single_choice
        for language in part.task.languages
        if (labels := part.task.labels_in(language))
    }


def _scored_rows(plan: RunPlan, info: ModelInfo, data: TrainingData, config: TrainConfig) -> Sequence[TaskRow]:
    """The dev rows to score: all where labels are scored; as many as are worth it where an answer is generated."""
    if config.select_by == "loss" or not plan.dev.rows or not plan.order:
        return ()
    if all(decoding.scores_answers for decoding in plan.decoding.values()):
        return data.dev_rows(config)
    work, times = Work.of(plan.train, plan.dev, plan.order, config.evals), evaluations(config.evals, len(plan.order))
    rows = generated_dev_rows(len(plan.dev.rows), plan.dev, work, info.shape, plan.resolved.rank, times)
    return data.dev_rows(config.model_copy(update={"max_dev_rows": rows})) if rows else ()


def estimate_run(plan: RunPlan, info: ModelInfo, config: TrainConfig, speed: Speed) -> Estimate:
    """The time and memory a run takes if it is not stopped early."""
    work, resolved = Work.of(plan.train, plan.dev, plan.order, config.evals), plan.resolved
    if config.method != "lora":  # label heads read the rows of their tasks once more
        owners = [task for task, count in resolved.rows_by_task.items() for _ in range(count)]
        read = [row for row, task in enumerate(owners) if task in plan.with_heads]
        work = replace(work, evaluation=work.evaluation + load_of(plan.train, read))
    footprint = Footprint(info.shape, _BYTES[resolved.dtype], resolved.rank, work.largest, max(plan.lengths))
    memory = footprint.total_bytes(stream_tokens(config, resolved.device))
    expected = estimate(work, info.shape, speed, memory)
    if not plan.scored:
        return expected
    tokens = [label_tokens(task, plan.decoding[task.name], info.format) for task, _ in plan.scored]
    answers = Answering(len(plan.scored), BATCH_TOKENS, label_tokens=min(LABELS_AT_ONCE, max(tokens)))
    scoring = answering_seconds(plan.dev, info.shape, answers, speed) * evaluations(config.evals, len(plan.order))
    return expected.model_copy(update={"seconds": round(expected.seconds + scoring, 2)})
