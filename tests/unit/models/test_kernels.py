"""Compiled kernels compute what PyTorch computes, and PyTorch takes over where they cannot be had."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune.models import kernels
from anytasktune.models.elementwise import add_norm, gated, rotated
from anytasktune.models.kernels import KERNELS_VARIABLE, kernel_state

needs_kernels = pytest.mark.skipif(kernel_state().library is None, reason="no kernels on this machine")
TOLERANCE = {torch.float32: 2e-6, torch.bfloat16: 8e-3}
dtypes = st.sampled_from([torch.float32, torch.bfloat16])
sizes = st.integers(1, 70)


class Norm(torch.nn.Module):
    def __init__(self, width: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = (torch.rand(width) + 0.5).to(dtype)
        self.variance_epsilon = 1e-5


def numbers(*shape: int, dtype: torch.dtype, grad: bool = True) -> torch.Tensor:
    return (torch.randn(*shape) * 2).to(dtype).requires_grad_(grad)


def assert_near(found: torch.Tensor, expected: torch.Tensor, dtype: torch.dtype) -> None:
    """Equal up to rounding, as a share of the largest number."""
    difference = (found.detach().float() - expected.detach().float()).abs().max()
    assert difference <= TOLERANCE[dtype] * expected.detach().float().abs().max().clamp(min=1)


def assert_same_function(
    found: torch.Tensor, expected: torch.Tensor, inputs: list[torch.Tensor], copies: list[torch.Tensor]
) -> None:
    """The results are equal, and so are the gradients of inputs; `expected` is of float32 copies."""
    assert_near(found, expected, found.dtype)
    weights = torch.randn(expected.shape)
    (found.float() * weights).sum().backward()
    (expected * weights).sum().backward()
    for tensor, copy in zip(inputs, copies, strict=True):
        assert tensor.grad is not None and copy.grad is not None
        assert_near(tensor.grad, copy.grad, found.dtype)


def copied(*tensors: torch.Tensor) -> list[torch.Tensor]:
    return [tensor.detach().clone().float().requires_grad_() for tensor in tensors]


@needs_kernels
@settings(max_examples=30, deadline=None)
@given(rows=sizes, width=sizes, dtype=dtypes, seed=st.integers(0, 99))
def test_sum_and_norm(rows: int, width: int, dtype: torch.dtype, seed: int) -> None:
    torch.manual_seed(seed)
    x, y, norm = numbers(rows, width, dtype=dtype), numbers(rows, width, dtype=dtype), Norm(width, dtype)
    total, normed = add_norm(x, y, norm)
    left, right = copied(x, y)
    whole = left + right
    expected = norm.weight.float() * whole * torch.rsqrt(whole.square().mean(-1, keepdim=True) + norm.variance_epsilon)
    found = torch.cat([total, normed])
    assert_same_function(found, torch.cat([whole, expected]), [x, y], [left, right])


@needs_kernels
@settings(max_examples=30, deadline=None)
@given(tokens=sizes, heads=st.integers(1, 5), half=st.integers(1, 40), dtype=dtypes, seed=st.integers(0, 99))
def test_rotation(tokens: int, heads: int, half: int, dtype: torch.dtype, seed: int) -> None:
    torch.manual_seed(seed)
    states, angles = numbers(tokens, heads, 2 * half, dtype=dtype), torch.rand(tokens, 1, half) * 6
    cos, sin = (torch.cat([part, part], dim=-1).to(dtype) for part in (angles.cos(), angles.sin()))
    (copy,) = copied(states)
    turned = torch.cat([-copy[..., half:], copy[..., :half]], dim=-1)
    assert_same_function(rotated(states, cos, sin), copy * cos.float() + turned * sin.float(), [states], [copy])


@needs_kernels
@settings(max_examples=30, deadline=None)
@given(rows=sizes, width=sizes, dtype=dtypes, seed=st.integers(0, 99))
def test_gate(rows: int, width: int, dtype: torch.dtype, seed: int) -> None:
    torch.manual_seed(seed)
    gate, up = numbers(rows, width, dtype=dtype), numbers(rows, width, dtype=dtype)
    copies = copied(gate, up)
    found = gated(gate, up)
    assert_same_function(found, torch.nn.functional.silu(copies[0]) * copies[1], [gate, up], copies)


@needs_kernels
@settings(max_examples=40, deadline=None)
@given(rows=st.integers(1, 4), heads=st.integers(1, 3), queries=sizes, before=sizes, shared=st.integers(0, 70), dtype=dtypes)
def test_masked_softmax(rows: int, heads: int, queries: int, before: int, shared: int, dtype: torch.dtype) -> None:
    own_keys = queries + before
    own = numbers(rows, heads * queries, own_keys, dtype=dtype, grad=False)
    prefix = numbers(rows, heads * queries, shared, dtype=dtype, grad=False) if shared else None
    scores = (own if prefix is None else torch.cat([prefix, own], dim=-1)).float().requires_grad_()
    hidden = torch.ones(queries, own_keys, dtype=torch.bool).triu(before + 1).repeat(heads, 1)
    hidden = torch.nn.functional.pad(hidden, (shared, 0))
    expected = scores.masked_fill(hidden, -torch.inf).softmax(dim=-1)
    count = rows * heads * queries
    kernels.call("softmax", dtype, prefix, own, count, queries, shared, own_keys)
    found = own if prefix is None else torch.cat([prefix, own], dim=-1)
    assert_near(found, expected, dtype)
    weights = torch.randn(expected.shape)
    (expected * weights).sum().backward()
    of_own, of_prefix = weights[..., shared:].to(dtype).contiguous(), weights[..., :shared].to(dtype).contiguous()
    kernels.call(
        "softmax_backward", dtype, prefix, own, of_prefix if shared else None, of_own, count, queries, shared, own_keys
    )
    assert scores.grad is not None
    assert_near(torch.cat([of_prefix, of_own], dim=-1), scores.grad, dtype)


@needs_kernels
@settings(max_examples=30, deadline=None)
@given(rows=sizes, vocabulary=st.integers(2, 300), dtype=dtypes, seed=st.integers(0, 99))
def test_cross_entropy(rows: int, vocabulary: int, dtype: torch.dtype, seed: int) -> None:
    torch.manual_seed(seed)
    logits = numbers(rows, vocabulary, dtype=dtype, grad=False) * 3
    (copy,), targets, losses = copied(logits), torch.randint(0, vocabulary, (rows,)), torch.empty(rows)
    kernels.call("cross_entropy", dtype, logits, targets, losses, rows, vocabulary)
    expected = torch.nn.functional.cross_entropy(copy, targets, reduction="none")
    expected.sum().backward()
    assert_near(losses, expected, torch.float32)
    assert copy.grad is not None
    assert_near(logits, copy.grad, dtype)


@needs_kernels
def test_a_number_that_is_none_stays_visible() -> None:
    logits = torch.full((2, 40), torch.nan, dtype=torch.bfloat16)
    losses = torch.zeros(2)
    kernels.call("cross_entropy", logits.dtype, logits, torch.tensor([3, 5]), losses, 2, 40)
    assert losses.isnan().all()
    gate = torch.full((3, 20), torch.nan, dtype=torch.bfloat16)
    assert gated(gate, torch.ones_like(gate)).isnan().all()
    assert add_norm(gate, gate, Norm(20, torch.bfloat16))[1].isnan().all()


@pytest.fixture
def anew() -> Iterator[None]:
    """The library is looked for again, in the test and after it."""
    kernel_state.cache_clear()
    yield
    kernel_state.cache_clear()


@needs_kernels
def test_a_second_process_would_find_the_library_in_the_cache(
    anew: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path))
    assert kernel_state().library is not None
    (built,) = tmp_path.glob("kernels/*/kernels.so")
    written = built.stat().st_mtime_ns
    kernel_state.cache_clear()
    assert kernel_state().library is not None
    assert built.stat().st_mtime_ns == written


def test_kernels_can_be_switched_off(anew: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KERNELS_VARIABLE, "off")
    state = kernel_state()
    assert state.library is None
    assert state.note == "PyTorch computes without compiled kernels: ANYTASKTUNE_KERNELS=off"
    gate = numbers(3, 5, dtype=torch.float32)
    assert torch.equal(gated(gate, gate), torch.nn.functional.silu(gate) * gate)


@needs_kernels
def test_without_a_compiler_one_line_says_what_to_install(anew: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kernel_state().library is None
    assert "no C++ compiler found; install g++" in kernel_state().note


@needs_kernels
def test_a_compiler_that_fails_is_named_with_its_last_line(anew: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "cache"))
    compiler = tmp_path / "c++"
    compiler.write_text(f"#!{shutil.which('sh')}\n[ \"$1\" = --version ] && exit 0\necho 'out of order' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kernel_state().library is None
    assert "out of order" in kernel_state().note
    assert not list((tmp_path / "cache").glob("kernels/*"))
