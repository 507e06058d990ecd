"""Prefix sharing is exact: same loss and gradient as stock transformers + PEFT on whole, unshared rows."""

import random
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from tests.tiny_models import tiny_model
from transformers import PreTrainedModel

from anytasktune.chat import Encoded
from anytasktune.models.head import LabelChoices
from anytasktune.models.kernels import KERNELS_VARIABLE, kernel_state
from anytasktune.models.lora import Adapter, LoraSpec, linear_layers
from anytasktune.models.lora_stack import attached
from anytasktune.models.packing_support import packs_rows
from anytasktune.training.batches import Branches, Row, RowSet, build_rows, label_branches
from anytasktune.training.step import StepEngine
from anytasktune.training.streams import StepRows

SPEC = LoraSpec(rank=3, alpha=6.0)


def examples_with_prefix(prefix: int, count: int, seed: int) -> list[Encoded]:
    """Ragged random examples that share `prefix` tokens."""
    rng = random.Random(seed)
    shared = [rng.randrange(3, 400) for _ in range(prefix)]
    rows = []
    for _ in range(count):
        prompt = shared + [rng.randrange(3, 400) for _ in range(rng.randrange(1, 9))]
        rows.append(Encoded(prompt + [rng.randrange(3, 400) for _ in range(rng.randrange(1, 6))], len(prompt)))
    return rows


def plain_loss_and_grads(
    kind: str,
    examples: list[Encoded],
    start: Adapter,
    weights: list[list[float]] | None = None,
    share: float = 0.0,
    following: Branches | None = None,
) -> tuple[float, dict[str, torch.Tensor]]:
    """Stock PEFT, one whole row after the other, loss over answer tokens, or over all with these weights.

    `share` of the loss of an answer's token is that among `following`: its beginning → all tokens that may come next.
    """
    model = tiny_model(kind)
    names = sorted({name.rpartition(".")[2] for name, _ in linear_layers(model)})
    tuned = get_peft_model(model, LoraConfig(r=SPEC.rank, lora_alpha=int(SPEC.alpha), target_modules=names))
    parameters = dict(tuned.named_parameters())
    with torch.no_grad():
        for name, (a, b) in start.weights.items():
            parameters[f"base_model.model.{name}.lora_A.default.weight"].copy_(a)
            parameters[f"base_model.model.{name}.lora_B.default.weight"].copy_(b)
    if weights is None:
        weights = [[0.0] * (example.prompt_length - 1) + [1.0] * example.answer_length for example in examples]
    total = sum(map(sum, weights))
    loss = torch.zeros(())
    for example, of_token in zip(examples, weights, strict=True):
        ids = torch.tensor([example.ids])
        logits = tuned(ids, use_cache=False).logits[0, :-1]
        losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
        for place in range(example.prompt_length, len(example.ids)) if following else ():
            tokens = list(following[tuple(example.ids[example.prompt_length : place])])
            narrow = logits[place - 1, tokens].logsumexp(0) - logits[place - 1, example.ids[place]]
            losses = losses + share * (narrow - losses) * torch.nn.functional.one_hot(torch.tensor(place - 1), len(losses))
        loss = loss + (losses * torch.tensor(of_token)).sum() / total
    loss.backward()
    return float(loss.detach()), {name: parameter.grad for name, parameter in parameters.items() if parameter.grad is not None}


def started_adapter(model: PreTrainedModel, seed: int) -> Adapter:
    """An adapter somewhere on its way, so that no gradient is zero."""
    adapter = Adapter(model, SPEC)
    adapter.initialise(seed=seed)
    with torch.no_grad():
        adapter.flat.add_(torch.randn(adapter.flat.shape, generator=torch.Generator().manual_seed(seed + 1)) * 0.1)
    return adapter


def assert_same_gradient(adapter: Adapter, expected: dict[str, torch.Tensor]) -> None:
    difference = sum(
        float((pair[side].grad - expected[f"base_model.model.{name}.lora_{'AB'[side]}.default.weight"]).square().sum())
        for name, pair in adapter.weights.items()
        for side in (0, 1)
    )
    norm = sum(float(gradient.square().sum()) for gradient in expected.values())
    assert (difference / norm) ** 0.5 < 1e-4


def assert_equals_plain(kind: str, examples: list[Encoded], rows: RowSet, max_tokens: int) -> None:
    model = tiny_model(kind)
    adapter = started_adapter(model, seed=1)
    expected_loss, expected = plain_loss_and_grads(kind, examples, adapter)
    with attached(model, [adapter]) as stack:
        engine = StepEngine(stack, max_tokens=max_tokens)
        part = StepRows(0, rows, range(len(examples)))
        assert float(engine.mean_losses([part])) == pytest.approx(expected_loss, rel=1e-5)
        assert float(engine.loss_and_grad([part])) == pytest.approx(expected_loss, rel=1e-5)
    assert_same_gradient(adapter, expected)


@pytest.fixture(params=["on", "off"])
def either_kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With compiled kernels, where this machine has them, and with PyTorch alone."""
    monkeypatch.setenv(KERNELS_VARIABLE, request.param)
    kernel_state.cache_clear()
    yield
    kernel_state.cache_clear()


@pytest.mark.usefixtures("either_kernels")
@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "gpt_neox"])
@pytest.mark.parametrize("prefix", [0, 1, 20])
def test_loss_and_gradient_equal_plain_peft(kind: str, prefix: int) -> None:
    examples = examples_with_prefix(prefix, count=5, seed=prefix)
    rows = build_rows(examples, [0] * 5, share=True, batch_size=5)
    assert len(rows.prefixes[0]) == prefix
    assert_equals_plain(kind, examples, rows, max_tokens=10_000)


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gemma3"])
@pytest.mark.parametrize("max_tokens", [1, 40, 64])
def test_cutting_a_step_into_streams_changes_nothing(kind: str, max_tokens: int) -> None:
    examples = examples_with_prefix(30, count=7, seed=3)
    rows = build_rows(examples, [0] * 7, share=True, batch_size=7)
    assert_equals_plain(kind, examples, rows, max_tokens=max_tokens)


def test_a_window_shorter_than_the_prefix_hides_its_beginning() -> None:
    assert tiny_model("gemma3").config.sliding_window < 30
    examples = examples_with_prefix(30, count=4, seed=8)
    rows = build_rows(examples, [0] * 4, share=True, batch_size=4)
    assert len(rows.prefixes[0]) == 30
    assert_equals_plain("gemma3", examples, rows, max_tokens=10_000)


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_a_prefix_longer_than_one_piece_of_attention(kind: str) -> None:
    examples = examples_with_prefix(300, count=3, seed=9)
    assert_equals_plain(kind, examples, build_rows(examples, [0] * 3, share=True, batch_size=3), max_tokens=10_000)


@pytest.mark.usefixtures("either_kernels")
@pytest.mark.parametrize("kind", ["llama", "mistral", "gemma2", "gemma3"])
def test_rows_longer_than_one_piece_of_attention(kind: str) -> None:
    rng = random.Random(4)
    examples = [Encoded([rng.randrange(3, 400) for _ in range(length)], length - 9) for length in (330, 300, 270, 20)]
    together = Encoded(examples[0].ids[:15] + examples[3].ids, len(examples[3].ids) + 6)
    rows = build_rows([*examples, together], [0] * 5, share=True, batch_size=5)
    assert_equals_plain(kind, [*examples, together], rows, max_tokens=10_000)


def test_a_prefix_of_one_token_can_be_shared() -> None:
    examples = examples_with_prefix(1, count=4, seed=10)
    rows = RowSet([examples[0].ids[:1]], [Row(0, example.ids[1:], example.prompt_length - 1) for example in examples])
    assert_equals_plain("llama", examples, rows, max_tokens=10_000)


def test_a_prompt_that_is_all_prefix_leaves_one_token_to_predict_from() -> None:
    shared = list(range(3, 23))
    examples = [Encoded([*shared, token, token + 1], 20) for token in (30, 40, 50)]
    rows = build_rows(examples, [0] * 3, share=True, batch_size=3)
    assert rows.rows[0].first_target == 1
    assert_equals_plain("llama", examples, rows, max_tokens=10_000)


def test_packing_support_of_an_unknown_model_is_found_by_computing_both_ways() -> None:
    assert packs_rows(tiny_model("gpt_neox"))
    assert not packs_rows(tiny_model("bloom"))


@pytest.mark.parametrize("max_tokens", [10_000, 60])
def test_a_model_that_cannot_pack_takes_whole_rows(max_tokens: int) -> None:
    examples = examples_with_prefix(20, count=5, seed=4)
    rows = build_rows(examples, [0] * 5, share=False, batch_size=5)
    assert_equals_plain("bloom", examples, rows, max_tokens=max_tokens)


def test_adapters_in_one_step_get_the_gradients_of_separate_steps() -> None:
    model = tiny_model("llama")
    sets = [examples_with_prefix(12, 4, seed=20), examples_with_prefix(0, 3, seed=21), examples_with_prefix(30, 6, seed=22)]
    adapters = [started_adapter(model, seed=seed) for seed in (1, 5, 9)]
    alone = [plain_loss_and_grads("llama", examples, adapter) for examples, adapter in zip(sets, adapters, strict=True)]
    row_sets = [build_rows(examples, [0] * len(examples), share=True, batch_size=8) for examples in sets]
    for max_tokens in (10_000, 50):
        with attached(model, adapters) as stack:
            parts = [StepRows(slot, rows, range(len(rows.rows))) for slot, rows in enumerate(row_sets)]
            losses = StepEngine(stack, max_tokens=max_tokens).loss_and_grad(parts)
        for adapter, loss, (expected_loss, expected) in zip(adapters, losses.tolist(), alone, strict=True):
            assert loss == pytest.approx(expected_loss, rel=1e-5)
            assert_same_gradient(adapter, expected)
            adapter.grad.zero_()


@pytest.mark.parametrize("max_tokens", [10_000, 40])
def test_prompt_tokens_can_be_trained_with_a_smaller_weight(max_tokens: int) -> None:
    model = tiny_model("llama")
    examples = examples_with_prefix(25, count=5, seed=12)
    weights = [[0.1] * (example.prompt_length - 1) + [1.0] * example.answer_length for example in examples]
    adapter = started_adapter(model, seed=1)
    expected_loss, expected = plain_loss_and_grads("llama", examples, adapter, weights)
    rows = build_rows(examples, [0] * 5, share=True, batch_size=5)
    with attached(model, [adapter]) as stack:
        loss = StepEngine(stack, max_tokens=max_tokens, prompt_weight=0.1).loss_and_grad([StepRows(0, rows, range(5))])
    assert float(loss) == pytest.approx(expected_loss, rel=1e-5)
    assert_same_gradient(adapter, expected)


LABELS = [[7, 8, 1], [7, 1], [9, 8, 7, 1], [9, 8, 5, 1], [11, 3, 1]]


def rows_with_labels(prefix: int, count: int, seed: int) -> list[Encoded]:
    rows = examples_with_prefix(prefix, count, seed)
    labels = [LABELS[number * 3 % len(LABELS)] for number in range(count)]
    return [
        Encoded([*row.ids[: row.prompt_length], *label], row.prompt_length) for row, label in zip(rows, labels, strict=True)
    ]


def following_tokens(labels: list[list[int]]) -> dict[tuple[int, ...], tuple[int, ...]]:
    beginnings = {tuple(label[:place]) for label in labels for place in range(len(label))}
    return {
        start: tuple({label[len(start)] for label in labels if tuple(label[: len(start)]) == start and len(label) > len(start)})
        for start in beginnings
    }


@pytest.mark.parametrize(("kind", "max_tokens"), [("llama", 10_000), ("llama", 40), ("bloom", 10_000)])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_loss_over_labels_is_that_over_the_tokens_that_continue_one(kind: str, max_tokens: int, share: float) -> None:
    model = tiny_model(kind)
    labelled, others = rows_with_labels(25, count=6, seed=12), examples_with_prefix(9, count=3, seed=13)
    adapters = [started_adapter(model, seed=1), started_adapter(model, seed=4)]
    plain = [
        plain_loss_and_grads(kind, labelled, adapters[0], share=share, following=following_tokens(LABELS)),
        plain_loss_and_grads(kind, others, adapters[1]),
    ]
    packed = kind != "bloom"
    branches = {"labels": label_branches(LABELS)}
    row_sets = [
        build_rows(labelled, ["labels"] * 6, share=packed, batch_size=6, branches=branches),
        build_rows(others, ["others"] * 3, share=packed, batch_size=6, branches=branches),
    ]
    with attached(model, adapters) as stack:
        parts = [StepRows(slot, rows, range(len(rows.rows))) for slot, rows in enumerate(row_sets)]
        engine = StepEngine(stack, max_tokens=max_tokens, label_share=share)
        assert engine.mean_losses(parts).tolist() == pytest.approx([loss for loss, _ in plain], rel=1e-5)
        losses = engine.loss_and_grad(parts)
    assert losses.tolist() == pytest.approx([loss for loss, _ in plain], rel=1e-5)
    for adapter, (_, expected) in zip(adapters, plain, strict=True):
        assert_same_gradient(adapter, expected)


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.lists(st.integers(1, 5), max_size=4), min_size=1, max_size=9, unique_by=tuple), seed=st.integers(0, 99)
)
def test_the_probabilities_over_labels_add_up_to_one(labels: list[list[int]], seed: int) -> None:
    ended = [[*label, 0] for label in labels]
    branches = label_branches(ended)
    generator = torch.Generator().manual_seed(seed)
    logits = {start: torch.randn(6, generator=generator) for start in sorted(branches)}
    total = 0.0
    for label in ended:
        choices = [place for place in range(len(label)) if tuple(label[:place]) in branches]
        if not choices:
            assert len(labels) == 1
            return
        starts = [tuple(label[:place]) for place in choices]
        tokens = [[*branches[start], *[-1] * (6 - len(branches[start]))] for start in starts]
        found = LabelChoices(torch.arange(len(choices)), torch.tensor(tokens), 1.0)
        right, rows = torch.tensor([label[place] for place in choices]), torch.stack([logits[start] for start in starts])
        plain = torch.nn.functional.cross_entropy(rows, right, reduction="none")
        total += float(torch.exp(-found.losses(plain, rows, right, 0).sum()))
    assert total == pytest.approx(1, abs=1e-4)


def test_two_languages_have_a_prefix_each() -> None:
    english, chinese = examples_with_prefix(24, 4, seed=5), examples_with_prefix(17, 3, seed=6)
    examples = [*english, *chinese]
    rows = build_rows(examples, ["en"] * 4 + ["zh"] * 3, share=True, batch_size=7)
    assert [len(prefix) for prefix in rows.prefixes] == [24, 17]
    assert_equals_plain("llama", examples, rows, max_tokens=10_000)


@settings(max_examples=20, deadline=None)
@given(prefix=st.integers(0, 40), count=st.integers(1, 6), seed=st.integers(0, 999), max_tokens=st.integers(1, 200))
def test_any_layout_gives_the_plain_result(prefix: int, count: int, seed: int, max_tokens: int) -> None:
    examples = examples_with_prefix(prefix, count, seed)
    assert_equals_plain("llama", examples, build_rows(examples, [0] * count, share=True, batch_size=count), max_tokens)
