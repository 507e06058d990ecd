"""Constrained answers: whatever a model prefers, they have the form of the task and break none of its rules."""

import json
import random
from typing import Any

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.tiny_models import tiny_model, tiny_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from anytasktune.chat import PromptFormat
from anytasktune.errors import ConfigError
from anytasktune.inference.constraint import Constraint
from anytasktune.inference.generation import Generated, Limits, generate
from anytasktune.inference.task_constraint import TaskConstraint
from anytasktune.inference.task_predictor import decoding_for
from anytasktune.schema import Example, Task

BYTE_LEVEL = PromptFormat.of(tiny_tokenizer())
SOURCE = 'The tenant, Maria  Lopez,\nsays "no" to $1,200; 押金没退，合同 A-7 还在。'
RECORD = {
    "type": "object",
    "properties": {
        "who": {"type": "string"},
        "urgent": {"enum": ["yes", "no", 3]},
        "age": {"type": ["integer", "null"], "minimum": 3, "maximum": 120},
        "score": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 2},
    },
    "required": ["who", "age"],
}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {"v": {"type": "integer"}, "sub": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
            "required": ["v"],
            "additionalProperties": False,
        }
    },
}
OUTPUTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"kind": "text"}, {}),
    ({"kind": "text"}, {"min_items": 2, "max_items": 3, "max_length": 60}),
    ({"kind": "text"}, {"language": "en", "max_length": 50}),
    ({"kind": "text"}, {"language": "zh"}),
    ({"kind": "text"}, {"copies_from_input": True}),
    ({"kind": "text"}, {"pattern": r"[^\n]{2,9}[?？](\n[^\n]{2,9}[?？]){1,2}"}),
    ({"kind": "text"}, {"pattern": r"([^\n]+[?？]\n){3,5}[^\n]+[?？]"}),
    ({"kind": "text"}, {"pattern": r"[^\n]+(: |：)[^\n]+[?？]", "max_length": 30}),
    ({"kind": "text"}, {"pattern": r"(?:(?:[^.!?。！？\n]|\.(?=\d))+(?:[?。？]|\.(?!\d)) ?){2,4}"}),
    ({"kind": "labels", "labels": ["rent", "deposit", "租金", "rent due"]}, {"min_items": 2, "max_items": 3}),
    ({"kind": "labels", "labels": ["rent", "押金", "Lopez"]}, {"copies_from_input": True, "min_items": 1}),
    ({"kind": "labels", "separator": "；"}, {"copies_from_input": True, "min_items": 2, "max_items": 4}),
    ({"kind": "labels", "separator": " - "}, {"max_items": 3, "language": "en"}),
    ({"kind": "labels", "separator": "\n"}, {"max_length": 20, "min_items": 1}),
    ({"kind": "number", "minimum": -2.5, "maximum": 107, "decimals": 1}, {}),
    ({"kind": "number", "minimum": 1, "maximum": 7}, {}),
    ({"kind": "json", "json_schema": RECORD}, {}),
    ({"kind": "json", "json_schema": RECORD}, {"copies_from_input": True, "max_length": 60}),
    ({"kind": "json", "json_schema": RECORD}, {"language": "zh"}),
    ({"kind": "json", "json_schema": {"type": "array", "items": RECORD}}, {"min_items": 1, "max_items": 2}),
    ({"kind": "json", "json_schema": {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 2}}, {}),
    ({"kind": "json", "json_schema": {"type": "object", "additionalProperties": {"type": "integer"}}}, {}),
    (
        {"kind": "json", "json_schema": {"type": "object", "minProperties": 1, "patternProperties": {"^a": {"type": "null"}}}},
        {},
    ),
    ({"kind": "json", "json_schema": TREE}, {}),
    ({"kind": "json"}, {}),
    ({"kind": "json", "json_schema": {**RECORD, "required": ["who", "score", "tags"]}}, {}),
]


def task_of(output: dict[str, Any], rules: dict[str, Any]) -> Task:
    return Task.model_validate(
        {"name": "t", "instruction": {"en": "Answer.", "zh": "回答。"}, "output": output, "rules": rules}
    )


def sentencepiece() -> PromptFormat:
    """A tokenizer that puts a space before every text, and writes unknown characters as bytes."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    texts = ["the tenant says no to the deposit", '{"who": "tenant", "age": null}', "合同 租金 押金"]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=380, special_tokens=special[:3], show_progress=False))
    vocabulary = json.loads(tokenizer.to_str())
    known = vocabulary["model"]["vocab"]
    for name in special[3:]:
        known.setdefault(name, len(known))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(vocabulary)), eos_token="</s>", unk_token="<unk>"
    )
    return PromptFormat.of(fast)


def answer_at_random(constraint: Constraint, seed: int, limit: int, ends: float = 0.0) -> list[int]:
    """What a model with random preferences answers, as generation does it."""
    generator = torch.Generator().manual_seed(seed)
    answer, ids = constraint.begin(), []
    end = min(constraint.table.ends)
    while len(ids) < limit:
        ids += answer.forced()
        logits = torch.randn(constraint.table.engine.vocab_size, generator=generator)
        logits[end] += ends
        token = answer.choose(int(logits.argmax()), logits)
        if answer.full:
            break
        if token == end:
            return ids if constraint.is_right(ids) else constraint.closed(ids, limit) or ids
        ids.append(token)
    return constraint.closed(ids[:limit], limit) or ids


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("output", "rules"), OUTPUTS)
def test_random_answers_keep_to_form_and_rules(output: dict[str, Any], rules: dict[str, Any], language: str) -> None:
    task = task_of(output, rules)
    example = Example.model_validate({"input": SOURCE, "output": "", "language": language})
    constrain = TaskConstraint(task, decoding_for(task, [], 40), BYTE_LEVEL)
    for seed in range(8):
        constraint = constrain.on(example)
        assert constraint is not None
        ids = answer_at_random(constraint, seed, 40, ends=seed % 4)
        text = BYTE_LEVEL.decode(ids)
        assert len(ids) <= 40
        assert [str(fault) for fault in task.output.violations(text, task.rules, SOURCE, example.language)] == [], repr(text)


@pytest.mark.parametrize(("output", "rules"), OUTPUTS)
def test_answers_keep_to_form_and_rules_however_little_room_there_is(output: dict[str, Any], rules: dict[str, Any]) -> None:
    task = task_of(output, rules)
    constraint = TaskConstraint(task, decoding_for(task, [], 40), BYTE_LEVEL).on(Example(input=SOURCE, output=""))
    assert constraint is not None
    shortest = constraint.shortest(40)
    assert shortest is not None
    for room in range(5):
        ids = answer_at_random(constraint, room, len(shortest) + room)
        text = BYTE_LEVEL.decode(ids)
        assert len(ids) <= len(shortest) + room
        assert [str(fault) for fault in task.output.violations(text, task.rules, SOURCE, "en")] == [], repr(text)


_leaf = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "minLength": 2, "maxLength": 5},
        {"type": "string", "pattern": "^[ab]{2}"},
        {"type": "integer"},
        {"type": "integer", "minimum": -4, "exclusiveMaximum": 30},
        {"type": "number", "multipleOf": 0.5, "minimum": 0},
        {"type": "boolean"},
        {"type": ["string", "null"]},
        {"enum": ["a", "b c", None, 2, "中"]},
        {"const": "fixed"},
        {},
    ]
)


def _inside(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.builds(
        lambda item, low: {"type": "array", "items": item, "minItems": low, "maxItems": low + 2}, part, st.integers(0, 2)
    )
    keys = st.lists(st.sampled_from(["who", "who else", "wer", "年龄", 'quo"te', "x"]), unique=True, max_size=4)

    def with_keys(names: list[str]) -> st.SearchStrategy[Any]:
        members = st.fixed_dictionaries(dict.fromkeys(names, part))
        required = st.lists(st.sampled_from(names), unique=True) if names else st.just([])
        return st.builds(
            lambda properties, needed, extra: {
                "type": "object", "properties": properties, "required": needed, "additionalProperties": extra
            },
            members, required, st.sampled_from([True, False, {"type": "integer"}]),
        )  # fmt: skip

    return st.one_of(arrays, keys.flatmap(with_keys), st.builds(lambda one, two: {"anyOf": [one, two]}, part, part))


@settings(deadline=None, max_examples=60, derandomize=True, phases=(Phase.explicit, Phase.generate))  # shrinking takes minutes
@given(
    schema=st.recursive(_leaf, _inside, max_leaves=5),
    style=st.sampled_from([[], ['{"x": 1, "who": 2}', '{"who": 2, "x": 1}'], ['{\n  "who": 1\n}'], ['{"who":"\\u4e2d"}']]),
    seed=st.integers(0, 1000),
)
def test_random_answers_fit_any_schema(schema: dict[str, Any], style: list[str], seed: int) -> None:
    task = task_of({"kind": "json", "json_schema": schema}, {})
    known = [Example(input="x", output=text) for text in style]
    constrain = TaskConstraint(task, decoding_for(task, known, 100), BYTE_LEVEL)
    constraint = constrain.on(Example(input=SOURCE, output=""))
    assert constraint is not None
    text = BYTE_LEVEL.decode(answer_at_random(constraint, seed, 100, ends=2.0))
    assert [str(fault) for fault in task.output.violations(text, task.rules, SOURCE, "en")] == [], repr(text)


@pytest.mark.parametrize(("output", "rules"), OUTPUTS[5:17])
def test_tokenizers_that_put_a_space_before_texts_are_met(output: dict[str, Any], rules: dict[str, Any]) -> None:
    format_, task = sentencepiece(), task_of(output, rules)
    constraint = TaskConstraint(task, decoding_for(task, [], 40), format_).on(Example(input=SOURCE, output=""))
    assert constraint is not None
    for seed in range(4):
        text = format_.decode(answer_at_random(constraint, seed, 48, ends=seed))
        assert [str(fault) for fault in task.output.violations(text, task.rules, SOURCE, "en")] == [], repr(text)


def constrained(kind: str, constraint: Constraint | None, batch_tokens: int, limit: int = 24) -> list[Generated]:
    rng = random.Random(3)
    prompts = [[7, 8, 9, *(rng.randrange(3, 400) for _ in range(rng.randrange(1, 9)))] for _ in range(6)]
    ends = BYTE_LEVEL.rendering.end_of_turn
    return generate(tiny_model(kind), prompts, Limits(ends, limit, batch_tokens), constrain=lambda _: constraint)


def constraint_on(output: dict[str, Any], rules: dict[str, Any] | None = None) -> Constraint:
    task = task_of(output, rules or {})
    found = TaskConstraint(task, decoding_for(task, [], 40), BYTE_LEVEL).on(Example(input=SOURCE, output=""))
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["llama", "gemma3", "bloom"])
def test_batches_of_any_size_and_models_of_any_kind_answer_the_same(kind: str) -> None:
    constraint = constraint_on({"kind": "json", "json_schema": RECORD}, {"copies_from_input": True})
    alone, together = constrained(kind, constraint, 1), constrained(kind, constraint, 4000)
    assert alone == together
    assert all(answer.corrected for answer in alone)  # a random model writes no JSON
    assert all(json.loads(BYTE_LEVEL.decode(answer.ids)) for answer in alone)


def test_an_answer_that_needs_no_correction_is_the_one_without_a_constraint() -> None:
    free = constrained("llama", None, 4000)
    held = constrained("llama", constraint_on({"kind": "text"}), 4000)
    same = [one for one, other in zip(free, held, strict=True) if not other.corrected]
    assert same == [other for other in held if not other.corrected]


def test_forced_tokens_are_the_tokens_that_training_has_shown() -> None:
    task = task_of({"kind": "json", "json_schema": RECORD}, {})
    answer = '{"who": "tenant", "age": null}'
    constraint = TaskConstraint(task, decoding_for(task, [], 40), BYTE_LEVEL).on(Example(input="x", output=""))
    assert constraint is not None
    begun, ids, forced = constraint.begin(), BYTE_LEVEL.answer_ids(answer)[:-1], 0
    place = 0
    while place < len(ids):
        if tokens := begun.forced():
            assert tokens == ids[place : place + len(tokens)]
            place, forced = place + len(tokens), forced + len(tokens)
        else:
            logits = torch.zeros(constraint.table.engine.vocab_size)
            assert begun.choose(ids[place], logits) == ids[place]
            place += 1
    assert begun.complete
    assert not begun.corrected
    assert forced > 4


@pytest.mark.parametrize(
    ("output", "rules"),
    [
        ({"kind": "json", "json_schema": {"type": "array", "items": {}, "maxItems": 2}}, {"min_items": 3}),
        ({"kind": "json", "json_schema": {"type": "string", "minLength": 5, "maxLength": 2}}, {}),
        ({"kind": "json", "json_schema": {"type": "integer", "minimum": 5, "maximum": 2}}, {}),
        ({"kind": "json", "json_schema": {"type": "string", "enum": [1, 2]}}, {}),
        ({"kind": "json", "json_schema": {"not": {}}}, {}),
        ({"kind": "labels", "labels": ["rent", "deposit"]}, {"min_items": 20}),
        ({"kind": "text"}, {"min_items": 30}),
        ({"kind": "text"}, {"min_items": 5, "max_length": 6}),
        ({"kind": "text"}, {"pattern": r"Answer: .{20}"}),
        ({"kind": "text"}, {"pattern": r"yes(?=,) indeed"}),
        ({"kind": "text"}, {"pattern": r"x(?=\d)y", "copies_from_input": True}),
    ],
)
def test_what_no_answer_can_keep_to_is_refused(output: dict[str, Any], rules: dict[str, Any]) -> None:
    task = task_of(output, rules)
    with pytest.raises(ConfigError):
        TaskConstraint(task, decoding_for(task, [], 10), BYTE_LEVEL).check([Example(input=SOURCE, output="")])
