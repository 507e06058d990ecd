"""What asking would take, before anything is asked."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from anytasktune.llm.asking import Question
from anytasktune.llm.prices import PICO, Prices, Tokens, likely_tokens, most_prompt_tokens
from anytasktune.settings import TeacherConfig

_LIKELY_SHARE = 4
"""Answers are likely this many times shorter than the longest allowed."""
_BYTES_PER_TOKEN = 4.3
"""Of the texts that `likely_tokens` counts least."""
_REPAIR_TOKENS = 256
"""What is said to a model whose answer could not be used."""


@dataclass(frozen=True)
class Expected:
    """Tokens and money that asking would take.

    Attributes:
        requests: questions that would be sent.
        likely: tokens if most answers are of use at once.
        most: tokens if every answer is as long as it may be, and has to be put right; only attempts that are lost on the way
            come on top of it. No cap is looked at.
        likely_cost: in `currency`; None where prices are not known.
        most_cost: the same.
    """

    requests: int = 0
    likely: Tokens = field(default_factory=Tokens)
    most: Tokens = field(default_factory=Tokens)
    likely_cost: float | None = None
    most_cost: float | None = None
    currency: str = ""

    def in_words(self, config: TeacherConfig) -> str:
        """`240 requests, about 180,000 + 60,000 tokens, 0.12 USD (at most 0.31); cap 1.00 USD`."""
        facts = [f"{self.requests:,} requests, about {_rounded(self.likely.prompt)} + {_rounded(self.likely.answer)} tokens"]
        if self.likely_cost is not None and self.most_cost is not None:
            facts.append(f"{self.likely_cost:.2f} {self.currency} (at most {self.most_cost:.2f})")
        else:
            facts.append(f"at most {_rounded(self.most.prompt + self.most.answer)}")
        caps = [f"{config.max_cost:g} {config.currency}"] if config.max_cost is not None else []
        caps += [f"{config.max_tokens:,} tokens"] if config.max_tokens is not None else []
        return ", ".join(facts) + f"; cap {' and '.join(caps) or 'none'}"


def expected_cost(asked: Iterable[Question[Any] | Tokens], config: TeacherConfig, likely_answer: int | None = None) -> Expected:
    """What questions would take, or requests of which only the likely numbers of tokens are known.

    Args:
        likely_answer: tokens an answer to a question likely has; None: a quarter of the longest.
    """
    requests = 0
    likely, most = Tokens(), Tokens()
    for one in asked:
        requests += 1
        usual, longest = _of_tokens(one, config) if isinstance(one, Tokens) else _of_question(one, config, likely_answer)
        likely, most = likely + usual, most + longest
    prices = Prices.of(config)
    if not prices.currency:
        return Expected(requests, likely, most)
    costs = (prices.cost(likely) / PICO, prices.cost(most) / PICO)
    return Expected(requests, likely, most, *costs, prices.currency)


def _of_question(question: Question[Any], config: TeacherConfig, likely_answer: int | None) -> tuple[Tokens, Tokens]:
    longest = question.max_tokens or config.answer_tokens
    texts = [message["content"] for message in question.messages]
    schema = json.dumps(question.schema, ensure_ascii=False)
    prompt = sum(map(likely_tokens, texts)) + likely_tokens(schema)
    body = json.dumps([*texts, schema], ensure_ascii=False).encode("utf-8", "replace")
    likely = Tokens(prompt, min(longest, likely_answer or longest // _LIKELY_SHARE))
    return likely, _twice(most_prompt_tokens(body), longest)


def _of_tokens(tokens: Tokens, config: TeacherConfig) -> tuple[Tokens, Tokens]:
    most = most_prompt_tokens(b"") + math.ceil(tokens.prompt * _BYTES_PER_TOKEN)
    return tokens, _twice(most, max(tokens.answer, config.answer_tokens))


def _twice(prompt: int, answer: int) -> Tokens:
    """An answer at its longest, and the same again after it could not be used."""
    again = prompt + math.ceil(answer * _BYTES_PER_TOKEN) + _REPAIR_TOKENS
    return Tokens(prompt + again, 2 * answer)


def _rounded(number: int) -> str:
    """Two digits: an estimate is no more exact."""
    return f"{round(number, -max(0, len(str(number)) - 2)):,}"
