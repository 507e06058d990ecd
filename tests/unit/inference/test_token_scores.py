"""Log probabilities of the tokens of an answer are those of a forward pass over prompt and answer."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny_models import tiny_model, tiny_tokenizer
from tests.unit.inference.test_joint_generation import adapters_on

from anytasktune.inference.constraint import token_table
from anytasktune.inference.token_scores import score_tokens
from anytasktune.models.adapter_exchange import AdapterExchange
from anytasktune.models.lora_stack import merged

TOKENIZER = tiny_tokenizer()
TABLE = token_table(TOKENIZER, [0])
MODEL = tiny_model()
ADAPTERS = adapters_on(MODEL, 2)
TOKENS = st.lists(st.integers(0, 399), min_size=1, max_size=12)


def reference(model: torch.nn.Module, prompt: list[int], answer: list[int]) -> torch.Tensor:
    """[answer, vocabulary] log probabilities by the model's own forward pass."""
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
    return torch.as_tensor(logits.float().log_softmax(dim=-1))


@settings(max_examples=40)
@given(TOKENS, TOKENS, st.integers(0, 20), st.sampled_from([None, *ADAPTERS]))
def test_scores_are_ordered_sum_to_at_most_one_and_equal_the_forward_pass(
    prompt: list[int], answer: list[int], most: int, adapter: object
) -> None:
    exchange = AdapterExchange(MODEL)
    exchange.put_on(ADAPTERS)
    with exchange.routed([adapter]):  # type: ignore[list-item]
        found = score_tokens(MODEL, TABLE, prompt, answer, most)
    exchange.take_off()
    if adapter is None:
        expected = reference(MODEL, prompt, answer)
    else:
        with merged(MODEL, adapter):  # type: ignore[arg-type]
            expected = reference(MODEL, prompt, answer)
    assert [one.text for one in found] == [TABLE.shown(token) for token in answer]
    for one, token, row in zip(found, answer, expected, strict=True):
        assert one.log_probability == pytest.approx(float(row[token]), abs=1e-4)
        values = [value for _, value in one.others]
        assert values == sorted(values, reverse=True)
        assert values == pytest.approx(row.topk(most).values.tolist(), abs=1e-4)
        assert sum(math.exp(value) for value in values) <= 1 + 1e-4
        assert not values or one.log_probability <= values[0] + 1e-6


@pytest.mark.parametrize("kind", ["qwen3", "gemma2", "gemma3"])
def test_models_of_other_kinds_are_scored_alike(kind: str) -> None:
    model = tiny_model(kind)
    prompt, answer = list(range(3, 40)), list(range(50, 80))
    expected = reference(model, prompt, answer).gather(1, torch.tensor(answer).unsqueeze(1)).squeeze(1)
    assert [one.log_probability for one in score_tokens(model, TABLE, prompt, answer, 0)] == pytest.approx(
        expected.tolist(), abs=1e-4
    )


def test_special_tokens_are_shown_by_name_and_numbers_without_a_token_as_nothing() -> None:
    end = TOKENIZER.eos_token_id
    assert TABLE.bytes_of(end) == b""
    assert TABLE.shown(end) == TOKENIZER.eos_token.encode()
    assert TABLE.shown(10**6) == b""
