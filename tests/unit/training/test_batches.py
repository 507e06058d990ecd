"""Plans of what goes through the model together lose nothing and repeat exactly."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.chat import Encoded
from anytasktune.schema import BaseModelRef
from anytasktune.settings import TrainConfig
from anytasktune.training.batches import Row, RowSet, build_rows
from anytasktune.training.estimate import load_of
from anytasktune.training.loop import eval_steps
from anytasktune.training.optimizer import Schedule
from anytasktune.training.presets import resolve
from anytasktune.training.sampling import step_order
from anytasktune.training.streams import StepRows, Stream, StreamPlanner

rows_strategy = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 30), st.integers(1, 9)).map(
        lambda t: Row(t[0], list(range(1, t[1] + t[2] + 1)), t[1])
    ),
    min_size=1,
    max_size=24,
)


def planned(rows: RowSet, max_tokens: int, *, packed: bool = True, prompt_weight: float = 0.0) -> list[Stream]:
    planner = StreamPlanner(torch.device("cpu"), max_tokens, prompt_weight, packed)
    return [stream for chain in planner.plan([StepRows(0, rows, range(len(rows.rows)))]) for stream in chain]


@given(rows=rows_strategy, prefixes=st.lists(st.integers(0, 40), min_size=3, max_size=3), max_tokens=st.integers(1, 400))
def test_streams_hold_every_trained_token_once(rows: list[Row], prefixes: list[int], max_tokens: int) -> None:
    row_set = RowSet([list(range(1, length + 1)) for length in prefixes], rows)
    streams = planned(row_set, max_tokens)
    assert sum(len(stream.targets) for stream in streams) == sum(row.targets for row in rows)
    assert sum(stream.ids.numel() for stream in streams) == load_of(row_set, range(len(rows))).tokens
    assert sum(float(stream.weights.sum()) for stream in streams) == pytest.approx(1, rel=1e-4)
    for stream in streams:
        # every predictor is the token right before its target
        assert (stream.ids.flatten()[stream.needed[stream.predictors]] + 1 == stream.targets).all()


@given(rows=rows_strategy, max_tokens=st.integers(1, 400))
def test_a_model_that_cannot_pack_gets_rectangles(rows: list[Row], max_tokens: int) -> None:
    streams = planned(RowSet([[]] * 3, rows), max_tokens, packed=False)
    assert sum(len(stream.ids) for stream in streams) == len(rows)
    assert sum(len(stream.targets) for stream in streams) == sum(row.targets for row in rows)
    for stream in streams:
        assert stream.ids.numel() <= max_tokens or len(stream.ids) == 1
        assert (stream.ids.flatten()[stream.needed[stream.predictors]] + 1 == stream.targets).all()


@given(rows=st.integers(1, 200), batch_size=st.integers(1, 40), steps=st.integers(1, 60), seed=st.integers(0, 5))
def test_each_epoch_shows_every_row_once(rows: int, batch_size: int, steps: int, seed: int) -> None:
    order = step_order([rows], batch_size, steps, seed)
    assert len(order) == steps
    seen = [index for step in order for index in step]
    for epoch in range(len(seen) // rows):
        assert sorted(seen[epoch * rows : (epoch + 1) * rows]) == list(range(rows))
    assert order == step_order([rows], batch_size, steps, seed)
    assert order[: steps // 2] == step_order([rows], batch_size, steps // 2, seed) or steps < 2


@given(prefix=st.integers(0, 60), count=st.integers(2, 12))
def test_prefix_and_suffix_together_are_the_whole_row(prefix: int, count: int) -> None:
    examples = [Encoded([*range(prefix), 1000 + number, 7, 8], prefix + 1) for number in range(count)]
    rows = build_rows(examples, ["en"] * count, share=True, batch_size=count)
    for row, example in zip(rows.rows, examples, strict=True):
        assert rows.prefixes[row.group] + row.suffix == example.ids
        assert row.targets == example.answer_length
        assert row.first_target >= 1


def test_a_prefix_counts_once_per_step() -> None:
    examples = [Encoded([*range(50), 1000 + number, 7], 51) for number in range(8)]
    rows = build_rows(examples, ["en"] * 8, share=True, batch_size=8)
    assert load_of(rows, range(8)).tokens == 50 + 8 * 1  # the last token of a row is not read


def test_a_prefix_too_short_to_pay_is_not_shared() -> None:
    examples = [Encoded([1, *range(100 * number + 2, 100 * number + 92)], 80) for number in range(8)]
    assert build_rows(examples, ["en"] * 8, share=True, batch_size=8).prefixes == [[]]


@given(steps=st.integers(1, 500), evals=st.integers(1, 50))
def test_dev_loss_is_measured_evenly_and_at_the_end(steps: int, evals: int) -> None:
    chosen = eval_steps(steps, evals)
    assert max(chosen) == steps
    assert min(chosen) >= 1
    assert len(chosen) == min(steps, evals)


def test_the_rate_rises_then_falls_to_a_tenth() -> None:
    schedule = Schedule(peak=1.0, steps=100, warmup=0.1)
    rates = [schedule.rate(step) for step in range(100)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0.1 <= rates[-1] < 0.11


def resolved(rows: int, hidden: int = 576, **settings: object) -> object:
    ref = BaseModelRef(name="m", fingerprint="f", hidden_size=hidden, layers=2)
    return resolve(TrainConfig.model_validate(settings), ref, {"task": rows}, dtype="float32", device="cpu")


def test_explicit_settings_are_kept() -> None:
    chosen = resolved(2000, rank=3, learning_rate=0.5, epochs=7, alpha=9)
    assert (chosen.rank, chosen.learning_rate, chosen.epochs, chosen.alpha, chosen.steps) == (3, 0.5, 7, 9, 875)


def test_wider_models_learn_more_slowly_and_more_rows_mean_fewer_epochs() -> None:
    assert resolved(2000, hidden=576).learning_rate > resolved(2000, hidden=1024).learning_rate
    assert resolved(2000, hidden=1024).learning_rate > resolved(2000, hidden=4096).learning_rate
    assert resolved(120).epochs > resolved(2000).epochs
    assert resolved(120).rank < resolved(20_000).rank
    assert resolved(500, preset="quick").steps < resolved(500).steps < resolved(500, preset="thorough").steps
