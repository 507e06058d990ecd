"""What a run will take, counted from its rows."""

import pytest
import torch
from tests.tiny_models import tiny_model

from anytasktune.models.lora import Adapter, LoraSpec, linear_layers
from anytasktune.models.shape import ModelShape
from anytasktune.schema import Estimate
from anytasktune.training.batches import Row, RowSet
from anytasktune.training.estimate import (
    NOTHING,
    Answering,
    Load,
    Work,
    answering_seconds,
    estimate,
    load_of,
    matmul_rate,
    nominal_speed,
    operations,
)
from anytasktune.training.machine_speed import measure_speed

SHAPE = ModelShape(layers=30, hidden=576, vocabulary=49152, heads=9, queries=576, states=192, inner=1536, tied=True)
SPEED = nominal_speed(300e9, SHAPE, 16)


def row_set(prefixes: list[int], rows: list[tuple[int, int, int]]) -> RowSet:
    return RowSet([[5] * length for length in prefixes], [Row(group, [6] * own, first) for group, own, first in rows])


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma3"])
def test_the_shape_counts_the_weights_that_are_there(kind: str) -> None:
    model = tiny_model(kind)
    shape = ModelShape.of(model.config)
    assert shape.trunk == sum(layer.weight.numel() for _, layer in linear_layers(model))
    assert shape.adapter(3) == Adapter(model, LoraSpec(3, 6.0)).flat.numel()
    matrices = sum(weight.numel() for weight in model.parameters() if weight.dim() > 1)
    assert shape.parameters == matrices


def test_a_load_counts_a_prefix_once_and_every_pair() -> None:
    rows = row_set([3, 0], [(0, 2, 1), (0, 4, 2), (1, 5, 4)])
    assert load_of(rows, [0, 1]) == Load(3 + 1 + 3, 6 + (1 * 3 + 1) + (3 * 3 + 6), 1 + 2)
    assert load_of(rows, [2]) == Load(4, 10, 1)


def test_operations_agree_with_what_the_parts_cost() -> None:
    per_token = operations(SHAPE, 16, Load(1, 0, 0))
    assert per_token == 4 * SHAPE.trunk + 6 * SHAPE.adapter(16)
    assert operations(SHAPE, 16, Load(0, 0, 1)) == 4 * 576 * 49152


def test_longer_runs_and_slower_machines_take_longer() -> None:
    rows = row_set([200], [(0, 40 + number, 30) for number in range(16)])
    dev = row_set([200], [(0, 50, 30)])
    once = Work.of(rows, dev, [range(16)], evals=6)
    twice = Work.of(rows, dev, [range(16)] * 12, evals=6)
    assert once.evaluation.passes == 1
    assert twice.evaluation.passes == 7  # that of the average too
    assert twice.training == once.training * 12
    assert twice.largest == once.largest == load_of(rows, range(16))
    short, long = (estimate(work, SHAPE, SPEED, 10) for work in (once, twice))
    assert long.tokens == 12 * short.tokens
    assert long.seconds > 10 * short.seconds
    assert estimate(twice, SHAPE, nominal_speed(30e9, SHAPE, 16), 10).seconds > 5 * long.seconds
    assert Estimate.total([short, long, long]).seconds == pytest.approx(short.seconds + 2 * long.seconds)
    assert Estimate.total([]).tokens == 0


def test_more_rows_shots_and_generated_tokens_take_longer_to_answer() -> None:
    plan = row_set([200], [(0, 40 + number, 30) for number in range(16)])
    few, many, shown, own, in_one_pass, in_a_search, untuned = (
        answering_seconds(plan, SHAPE, Answering(rows, 8192, shots, labels, shared, limit), SPEED)
        for rows, shots, labels, shared, limit in (
            (3, 0, 0, True, 0),
            (300, 0, 0, True, 0),
            (3, 4, 0, True, 0),
            (3, 4, 0, False, 0),
            (3, 0, 11, True, 60),
            (3, 0, 380, True, 60),
            (3, 0, 0, True, 60),
        )
    )
    assert 0 < in_one_pass < few < many
    assert few < shown < own
    assert in_one_pass < in_a_search
    assert few < untuned < many


def test_without_dev_rows_nothing_is_evaluated() -> None:
    rows = row_set([0], [(0, 5, 3)])
    assert Work.of(rows, RowSet([], []), [[0]], evals=6).evaluation == NOTHING


def test_the_rate_of_matrix_products_is_measured() -> None:
    shape = ModelShape(layers=2, hidden=64, vocabulary=100, heads=2, queries=64, states=64, inner=128, tied=True)
    assert matmul_rate(shape, torch.device("cpu"), torch.float32) > 1e6


def test_the_speed_of_this_machine_is_measured_with_the_engine_itself() -> None:
    shape = ModelShape(layers=2, hidden=64, vocabulary=100, heads=2, queries=64, states=32, inner=128, tied=True)
    speed = measure_speed(shape, torch.device("cpu"), torch.float32)
    assert speed.target > 0
    for costs in (speed.training, speed.reading, speed.writing):
        assert costs.seconds(Load(500, 20_000, 0)) > 0
    plan = row_set([20], [(0, 40, 30)])
    assert answering_seconds(plan, shape, Answering(10, 8192), speed) > 0
