"""Best of several samples by agreement."""

from pathlib import Path

import pytest
import torch
from tests.tiny_models import save_tiny_model, tiny_model

from anytasktune.inference.best_of_samples import most_agreed
from anytasktune.inference.generation import Limits, Sampling, generate
from anytasktune.inference.task_predictor import TaskPredictor, decoding_for
from anytasktune.models.load import load_base
from anytasktune.schema import Answer, Example, Task

NOTE = Task.model_validate(
    {"name": "note", "instruction": {"en": "Write a note."}, "output": {"kind": "text"}, "rules": {"max_length": 40}}
)
ROW = Example(input="The rent is late.", output="")


def answer_of(texts: list[str]) -> Answer:
    return most_agreed(NOTE, ROW, [Answer(output=text, tokens=3) for text in texts])


def test_the_answer_nearest_to_the_others_is_chosen_and_all_tokens_count() -> None:
    chosen = answer_of(["roof leaks", "the rent is late", "the rent was late", "the rent is very late"])
    assert chosen.output == "the rent is late"
    assert chosen.tokens == 12
    assert answer_of(["the rent is late" * 4, "the rent is late" * 4, "roof leaks"]).output == "roof leaks"
    assert answer_of(["", ""]).output == ""


@pytest.mark.parametrize("kind", ["llama", "bloom"])
def test_samples_repeat_with_their_seed_whatever_is_answered_with_them(kind: str) -> None:
    prompts, limits = [[7, 8, 9], [7, 8, 10, 11], [7, 12]], Limits([399], 8, 4000)
    first = generate(tiny_model(kind), prompts, limits, sampling=Sampling(0, temperature=3.0))
    assert generate(tiny_model(kind), prompts, limits, sampling=Sampling(0, temperature=3.0)) == first
    assert generate(tiny_model(kind), prompts[1:2], limits, sampling=Sampling(0, temperature=3.0)) == first[1:2]
    assert generate(tiny_model(kind), prompts, limits, sampling=Sampling(1, temperature=3.0)) != first


def test_samples_have_the_probabilities_of_the_model() -> None:
    model, prompt, temperature = tiny_model("llama"), [7, 8, 9], 0.7
    with torch.inference_mode():
        expected = (model(torch.tensor([prompt])).logits[0, -1] / temperature).softmax(-1)
    likeliest = int(expected.argmax())
    draws = [generate(model, [prompt], Limits([], 1, 100), sampling=Sampling(seed))[0].ids[0] for seed in range(300)]
    share, spread = draws.count(likeliest) / 300, float((expected[likeliest] * (1 - expected[likeliest]) / 300) ** 0.5)
    assert abs(share - float(expected[likeliest])) < 4 * spread + 1e-3
    assert len(set(draws)) > 10


def test_sampled_answers_keep_to_the_rules(tmp_path: Path) -> None:
    base = load_base(str(save_tiny_model(tmp_path / "model", "qwen3")), dtype="float32", device="cpu")
    decoding = decoding_for(NOTE, [], 4).model_copy(update={"best_of": 3})
    (answer,) = TaskPredictor(base, NOTE, decoding).answer([ROW])
    assert not list(NOTE.output.violations(answer.output, NOTE.rules, ROW.input, "en"))
    assert answer.tokens > 14 * 2
