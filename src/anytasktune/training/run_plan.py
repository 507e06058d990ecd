"""A run before it begins: its rows as tokens, its numbers, its steps, and from these what it will take."""

from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.chat import Encoded
from anytasktune.errors import PreflightError, Problem
from anytasktune.models.load import ModelInfo
from anytasktune.schema import Estimate, ResolvedTrainConfig
from anytasktune.settings import DType, TrainConfig
from anytasktune.training.batches import RowSet, build_rows
from anytasktune.training.estimate import Machine, Work, estimate
from anytasktune.training.memory import Footprint
from anytasktune.training.presets import resolve, stream_tokens
from anytasktune.training.sampling import step_order
from anytasktune.training.task_rows import TaskRow, TrainingData, instructions
from anytasktune.training.tokenizing import Encode, encode_mixed

_BYTES: dict[DType, int] = {"float32": 4, "bfloat16": 2}


@dataclass(frozen=True)
class Place:
    """Where and how a model computes; `share`: whether it can read a common prefix once."""

    dtype: DType
    device: str
    share: bool = True


@dataclass(frozen=True)
class Planned:
    """A run before it begins.

    Attributes:
        source: the rows trained on.
        encoded: the same as tokens.
        rows: those of train and of dev with their prefixes cut off.
        order: row indices of every step.
    """

    source: Sequence[TaskRow]
    encoded: Sequence[Encoded]
    rows: tuple[RowSet, RowSet]
    resolved: ResolvedTrainConfig
    order: list[list[int]]


def plan_run(info: ModelInfo, data: TrainingData, config: TrainConfig, place: Place, encode: Encode | None = None) -> Planned:
    """Choose rows, make them tokens, and lay out the steps.

    Args:
        encode: who makes the tokens; the model's tokenizer unless given.

    Raises:
        PreflightError: if a row is longer than the model's context or `max_length`, or a task has no training rows.
    """
    chosen = data.train_rows(config), data.dev_rows(config)
    train, dev = (encode_mixed(rows, encode or info.format.encode_all) for rows in chosen)
    _refuse_long(info, [*chosen[0], *chosen[1]], [*train, *dev], config)
    sizes = data.rows_by_task(config)
    resolved = resolve(config, info.ref, sizes, dtype=place.dtype, device=place.device)
    order = step_order(list(sizes.values()), config.batch_size, resolved.steps, config.seed, config.sampling_temperature)
    rows = [
        build_rows(part, instructions(source), share=place.share, batch_size=config.batch_size)
        for part, source in zip((train, dev), chosen, strict=True)
    ]
    return Planned(chosen[0], train, (rows[0], rows[1]), resolved, order)


def _refuse_long(info: ModelInfo, rows: Sequence[TaskRow], encoded: Sequence[Encoded], config: TrainConfig) -> None:
    limit = min(config.max_length, info.context_length)
    problems = [
        Problem(
            f"{len(item.ids)} tokens, more than {limit}", f"task {task.name}, row {row.id}", "shorten it or raise max_length"
        )
        for (task, row), item in zip(rows, encoded, strict=True)
        if len(item.ids) > limit
    ]
    if problems:
        raise PreflightError(problems)


def estimate_run(planned: Planned, info: ModelInfo, config: TrainConfig, machine: Machine) -> Estimate:
    """What the run will take if it is not stopped early."""
    work = Work.of(planned.rows, planned.order, config.evals)
    resolved = planned.resolved
    longest = max(len(item.ids) for item in planned.encoded)
    footprint = Footprint(info.shape, _BYTES[resolved.dtype], resolved.rank, work.largest, longest)
    memory = footprint.whole_bytes(stream_tokens(config, resolved.device))
    return estimate(work, info.shape, resolved.rank, machine, memory)
