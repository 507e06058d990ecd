"""Memory is planned before a run, and a run that is refused memory goes on with less."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.errors import PreflightError
from anytasktune.models.shape import ModelShape
from anytasktune.training.estimate import Load
from anytasktune.training.memory import (
    Footprint,
    ShrinkingStep,
    is_out_of_memory,
    plan_micro_batch_tokens,
)

SHAPE = ModelShape(layers=30, hidden=576, vocabulary=49152, heads=9, queries=576, states=192, inner=1536, tied=True)


def footprint(tokens: int, longest: int, size: int = 2, pairs: int | None = None) -> Footprint:
    return Footprint(SHAPE, size, 16, Load(tokens, 300 * tokens if pairs is None else pairs, tokens // 8), longest)


@given(
    tokens=st.integers(100, 30_000),
    longest=st.integers(10, 99),
    small=st.integers(16, 30_000),
    more=st.integers(0, 30_000),
)
def test_more_tokens_at_a_time_never_need_less_memory(tokens: int, longest: int, small: int, more: int) -> None:
    step = footprint(tokens, longest)
    assert step.step_bytes(small) <= step.step_bytes(small + more)
    assert step.step_bytes(small) <= footprint(tokens, longest, size=4).step_bytes(small)
    assert step.step_bytes(small) < step.total_bytes(small)


@given(tokens=st.integers(1000, 30_000), longest=st.integers(10, 999), free=st.integers(200, 40_000))
def test_the_plan_fits_into_what_is_free_or_says_how_much_is_missing(tokens: int, longest: int, free: int) -> None:
    step = footprint(tokens, longest)
    try:
        planned = plan_micro_batch_tokens(8192, step, free << 20)
    except PreflightError as error:
        assert "more memory than is free" in str(error)
        assert step.step_bytes(16) + step.adapter_bytes() > 0.9 * (free << 20)
    else:
        assert 16 <= planned <= 8192
        assert step.step_bytes(planned) + step.adapter_bytes() <= free << 20


def test_with_room_enough_or_unknown_the_setting_stays() -> None:
    assert plan_micro_batch_tokens(2048, footprint(3000, 400), 64 << 30) == 2048
    assert plan_micro_batch_tokens(2048, footprint(3000, 400), None) == 2048


def test_missing_memory_is_an_error_with_its_amount_and_a_fix() -> None:
    with pytest.raises(PreflightError, match=r"longest row \(900 tokens\) needs \d+\.\d GB more") as caught:
        plan_micro_batch_tokens(2048, footprint(9000, 900), 100 << 20)
    assert "smaller model" in caught.value.problems[0].fix


def test_a_step_in_several_streams_has_two_of_them_in_memory() -> None:
    step = footprint(10_000, 700)
    assert step.concurrent_tokens(20_000) == 10_000
    assert step.concurrent_tokens(1024) == 2048
    assert step.concurrent_tokens(64) == 1400


_REFUSED = """
import resource
import torch
from pathlib import Path
from anytasktune.training.memory import ShrinkingStep

used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20),) * 2)

def step(tokens):
    return float(torch.ones(tokens, 1 << 20, dtype=torch.uint8)[-1, -1])

steps = ShrinkingStep(2048, lambda: print("cleared"), print)
print(steps.run(step), steps.micro_batch_tokens)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits on memory are kept on Linux")
def test_a_step_whose_allocation_fails_is_repeated_with_shorter_streams() -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", _REFUSED], capture_output=True, text=True, check=True, env=environment)
    *said, result = done.stdout.splitlines()
    assert said[:2] == ["cleared", "not enough memory: going on with micro_batch_tokens=1024, to the same result"]
    assert result in {"1.0 256", "1.0 128"}


def test_other_errors_are_not_taken_for_it() -> None:
    def broken(_: int) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        ShrinkingStep(64, lambda: None, print).run(broken)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to ..."))
    assert not is_out_of_memory(OSError("No space left on device"))


def test_an_allocation_that_always_fails_is_an_error() -> None:
    def refused(_: int) -> None:
        raise MemoryError

    said: list[str] = []
    with pytest.raises(PreflightError, match="single row"):
        ShrinkingStep(64, lambda: None, said.append).run(refused)
    assert len(said) == 2
