"""Batched, prefix-cached answers are the model's own: checked against transformers' generate and full forward passes."""

import random

import pytest
import torch
from tests.tiny_models import tiny_model
from transformers import PreTrainedModel

from anytasktune.inference.generation import Limits, generate
from anytasktune.inference.label_scoring import score_labels
from anytasktune.inference.label_trie import LabelTrie

KINDS = ["llama", "qwen3", "gemma2", "gemma3", "gpt_neox", "bloom"]


def random_prompts(count: int, prefix: int = 12, seed: int = 0) -> list[list[int]]:
    rng = random.Random(seed)
    shared = [rng.randrange(3, 400) for _ in range(prefix)]
    return [shared + [rng.randrange(3, 400) for _ in range(rng.randrange(1, 15))] for _ in range(count)]


def expected_answer(kind: str, prompt: list[int], end: list[int], limit: int) -> list[int]:
    output = tiny_model(kind).generate(
        torch.tensor([prompt]), do_sample=False, max_new_tokens=limit, eos_token_id=end, pad_token_id=0
    )
    answer = output[0, len(prompt) :].tolist()
    return answer[: next((place for place, token in enumerate(answer) if token in end), limit)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch_tokens", [16, 60, 4000])
def test_generation_equals_generate_token_for_token(kind: str, batch_tokens: int) -> None:
    prompts = random_prompts(9)
    # every eighth token ends an answer, so that rows finish at different times
    end = list(range(0, 400, 8))
    generated = generate(tiny_model(kind), prompts, Limits(end, 12, batch_tokens))
    assert [answer.ids for answer in generated] == [expected_answer(kind, prompt, end, 12) for prompt in prompts]


def test_an_answer_that_reaches_the_limit_is_marked_truncated() -> None:
    prompts = random_prompts(6)
    answers = generate(tiny_model(), prompts, Limits([399], 3, 4000))
    assert [answer.truncated for answer in answers] == [len(answer.ids) == 3 for answer in answers]
    assert any(answer.truncated for answer in answers)


def test_generation_reports_every_row_once() -> None:
    counts: list[int] = []
    generate(tiny_model(), random_prompts(7), Limits([0], 2, 40), counts.append)
    assert sum(counts) == 7


def test_no_prompts_give_no_answers() -> None:
    assert generate(tiny_model(), [], Limits([0], 2, 40)) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prefix", [0, 12])
def test_label_scores_equal_full_forward_passes(kind: str, prefix: int) -> None:
    model = tiny_model(kind)
    prompts = random_prompts(5, prefix)
    labels = [[11, 12, 2], [11, 13, 14, 2], [11, 2], [50, 2], [50, 51, 52, 53, 2]]
    scores = score_labels(model, prompts, labels, batch_tokens=60)
    for row, prompt in enumerate(prompts):
        for column, label in enumerate(labels):
            with torch.no_grad():
                logits = tiny_model(kind)(torch.tensor([prompt + label])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
            expected = logits.gather(1, torch.tensor(label).unsqueeze(1)).sum()
            assert scores[row, column] == pytest.approx(float(expected), abs=2e-4)


def many_labels(count: int, seed: int = 0) -> list[list[int]]:
    """Distinct labels of one to four tokens over a small alphabet, so that beginnings are shared; token 2 ends them."""
    rng = random.Random(seed)
    labels: set[tuple[int, ...]] = set()
    while len(labels) < count:
        labels.add((*(rng.randrange(10, 18) for _ in range(rng.randrange(1, 5))), 2))
    return [list(label) for label in sorted(labels)]


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
@pytest.mark.parametrize("sharpness", [0.5, 8.0])
def test_on_a_large_trie_the_best_label_is_found_and_little_probability_is_lost(kind: str, sharpness: float) -> None:
    model = tiny_model(kind)
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight * sharpness, requires_grad=False)
    prompts = random_prompts(9, 6)
    labels = many_labels(60)
    scores = score_labels(model, prompts, labels, batch_tokens=200)
    expected = torch.stack([label_scores_alone(model, prompt, labels) for prompt in prompts])
    assert torch.equal(scores.argmax(dim=1), expected.argmax(dim=1))
    seen = scores > -torch.inf
    assert torch.allclose(scores[seen], expected[seen], atol=1e-3)
    assert not seen.all()
    if sharpness > 1:  # such as a tuned model: nearly all of the probability is on labels
        exact = expected.softmax(dim=1)
        assert ((scores.softmax(dim=1) - exact).abs() < 0.02).float().mean() > 0.9


def label_scores_alone(model: PreTrainedModel, prompt: list[int], labels: list[list[int]]) -> torch.Tensor:
    scores = []
    for label in labels:
        with torch.no_grad():
            logits = model(torch.tensor([prompt + label])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        scores.append(logits.gather(1, torch.tensor(label).unsqueeze(1)).sum())
    return torch.stack(scores)


def test_labels_share_their_first_tokens_in_the_trie() -> None:
    trie = LabelTrie.of([[5, 6, 2], [5, 7, 2], [5, 2]])
    assert trie.tokens == [5, 6, 7]
    assert trie.parents == [0, 1, 1]
    assert len(trie.edges) == 6
    assert trie.ancestry().tolist() == [[True, False, False], [True, True, False], [True, False, True]]
