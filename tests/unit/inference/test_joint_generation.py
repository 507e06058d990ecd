"""Rows of several adapters that join and leave between steps get the answers they get alone."""

import random
from contextlib import nullcontext

import pytest
import torch
from tests.tiny_models import tiny_model, tiny_tokenizer

from anytasktune.inference.constraint import Constraint, token_table
from anytasktune.inference.generation import Generated, GrowingAnswer, Limits, generate
from anytasktune.inference.joint_generation import JointGeneration, JointRow
from anytasktune.models.adapter_exchange import MOST_ADAPTERS, AdapterExchange
from anytasktune.models.lora import Adapter, LoraSpec, linear_layers
from anytasktune.models.lora_stack import merged

TOKENIZER = tiny_tokenizer()
LIMITS = Limits((0,), 9, 8192)
DIGITS = Constraint.of(token_table(TOKENIZER, [0]), 'start: /[a-z]{3,6}/ "=" /[0-9]{2}/')


def adapters_on(model: torch.nn.Module, count: int) -> list[Adapter]:
    made = []
    for number in range(count):
        adapter = Adapter(model, LoraSpec(rank=2 + number % 3, alpha=8))  # type: ignore[arg-type]
        generator = torch.Generator().manual_seed(number)
        with torch.no_grad():
            adapter.flat.copy_(torch.randn(adapter.flat.shape, generator=generator) * 0.3)
        made.append(adapter)
    return made


def rows_of(adapters: list[Adapter | None], count: int) -> list[JointRow]:
    """Rows with prefixes of several lengths, some of which other rows have too; every third is held to a grammar."""
    chance = random.Random(0)
    rows = []
    for number in range(count):
        shared = (0, 7, 12)[number % 3]
        prefix = [(5 * place + shared) % 390 + 3 for place in range(shared)]
        prompt = prefix + [chance.randrange(3, 400) for _ in range(chance.randrange(1, 20))]
        constraint = DIGITS if number % 3 == 1 else None
        rows.append(JointRow(prompt, shared, adapters[number % len(adapters)], GrowingAnswer(LIMITS, constraint)))
    return rows


def answered_jointly(generation: JointGeneration, rows: list[JointRow], at_once: int) -> list[Generated]:
    """The answers to rows of which `at_once` join whenever there is room for them."""
    waiting = list(rows)
    while waiting or generation.rows:
        if waiting and len(generation.rows) <= at_once:
            joining, waiting = waiting[:at_once], waiting[at_once:]
            generation.join(joining)
        else:
            generation.step()
        for row in [row for row in generation.rows if not row.answer.open]:
            generation.remove(row)
    return [row.answer.result() for row in rows]


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma2", "gemma3"])
@pytest.mark.parametrize("at_once", [1, 3, 30])
def test_answers_are_those_each_row_gets_alone(kind: str, at_once: int) -> None:
    model = tiny_model(kind)
    adapters = [None, *adapters_on(model, 3)]
    rows = rows_of(adapters, 12)
    expected = []
    for row in rows:
        with merged(model, row.adapter) if row.adapter else nullcontext():
            constraint = row.answer.constraint
            expected += generate(model, [row.prompt], LIMITS, constrain=lambda _, constraint=constraint: constraint)
    exchange = AdapterExchange(model)
    assert answered_jointly(JointGeneration(model, exchange), rows, at_once) == expected
    exchange.take_off()
    assert all(type(module) is torch.nn.Linear for _, module in linear_layers(model))


def test_a_row_that_is_taken_out_leaves_the_others_as_they_are() -> None:
    model = tiny_model()
    adapters: list[Adapter | None] = [None, *adapters_on(model, 2)]
    whole, cut = rows_of(adapters, 9), rows_of(adapters, 9)
    exchange = AdapterExchange(model)
    expected = answered_jointly(JointGeneration(model, exchange), whole, 9)
    generation = JointGeneration(model, exchange)
    generation.join(cut)
    for place in (0, 4, 8):
        if cut[place] in generation.rows:
            generation.remove(cut[place])
    while generation.rows:
        for row in [row for row in generation.rows if not row.answer.open]:
            generation.remove(row)
        if generation.rows:
            generation.step()
    exchange.take_off()
    kept = [place for place in range(9) if place not in (0, 4, 8)]
    assert [cut[place].answer.result() for place in kept] == [expected[place] for place in kept]


def test_more_adapters_than_there_is_room_for_take_turns() -> None:
    model = tiny_model()
    adapters = adapters_on(model, MOST_ADAPTERS + 3)
    exchange = AdapterExchange(model)
    assert not exchange.has_room(adapters)
    generation = JointGeneration(model, exchange)
    rows = rows_of(list(adapters), len(adapters))
    expected = []
    for row in rows:
        with merged(model, row.adapter) if row.adapter else nullcontext():
            constraint = row.answer.constraint
            expected += generate(model, [row.prompt], LIMITS, constrain=lambda _, constraint=constraint: constraint)
    found = answered_jointly(generation, rows[:5], 5) + answered_jointly(generation, rows[5:], 3)
    exchange.take_off()
    assert found == expected
