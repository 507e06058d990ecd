"""Tokens and money before they are spent: the likely and the largest possible cost of requests."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from anytasktune.errors import counted
from anytasktune.llm.asking import Question
from anytasktune.settings import TeacherConfig

PICO = 10**12
"""Money is counted in whole trillionths, so that sums are exact."""
_MILLION = 10**6
_TEMPLATE_TOKENS = 512
"""Tokens a server may put around a conversation: a default system message, tools, the frame of the schema."""
_LIKELY_SHARE = 4
"""Answers are likely this many times shorter than the longest allowed."""
_BYTES_PER_TOKEN = 4.3
"""Most bytes of a token that `likely_tokens` counts."""
_SECONDS_TO_ANSWER = 5.0
"""Of a teacher whose pace is not known."""
_A_WHILE = 90
_REPAIR_TOKENS = 256
"""Length of the message to a model whose answer could not be used."""


@dataclass(frozen=True)
class Tokens:
    """Tokens of a request or of many."""

    prompt: int = 0
    answer: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.prompt + other.prompt, self.answer + other.answer)


@dataclass(frozen=True)
class Prices:
    """Price of a token, in trillionths of a currency; `currency` is empty where prices are not known."""

    prompt: int = 0
    answer: int = 0
    currency: str = ""

    @classmethod
    def of(cls, config: TeacherConfig) -> "Prices":
        """Prices of a config; unknown unless both are given."""
        if config.price_in is None or config.price_out is None:
            return cls()
        return cls(_per_token(config.price_in), _per_token(config.price_out), config.currency)

    def cost(self, tokens: Tokens) -> int:
        """Cost of so many tokens, in trillionths."""
        return tokens.prompt * self.prompt + tokens.answer * self.answer


def in_pico(amount: float) -> int:
    """An amount in trillionths, rounded down."""
    return math.floor(Decimal(str(amount)) * PICO)


def most_prompt_tokens(body: bytes) -> int:
    """Tokens a server can at most count for a request.

    A token of a byte-level or byte-fallback vocabulary stands for at least one byte, in any language, and the JSON around each
    message is longer than the marks of any chat template.
    """
    return len(body) + _TEMPLATE_TOKENS


def likely_tokens(text: str) -> int:
    """Tokens a text probably has: a quarter per letter, 0.7 per Chinese character, as current vocabularies have it."""
    wide = sum(character >= "\u2e80" for character in text) if not text.isascii() else 0
    return math.ceil(0.7 * wide + (len(text) - wide) / 4)


def most_answer_tokens(content: Any, limit: int) -> int:
    """Tokens of an answer whose server does not report them."""
    return min(limit, len(str(content or "").encode("utf-8", "replace")) + 1)


def _per_token(price: float) -> int:
    return math.ceil(Decimal(str(price)) * PICO / _MILLION)


@dataclass
class Tally:
    """Requests that are or may be paid, answers found in the ledger, tokens, and money in trillionths."""

    requests: int = 0
    found: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cost: int = 0

    def add(self, tokens: Tokens, prices: Prices) -> None:
        """Count a request."""
        self.requests += 1
        self.prompt_tokens += tokens.prompt
        self.answer_tokens += tokens.answer
        self.cost += prices.cost(tokens)


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
        seconds: likely time until all are answered.
        pace_measured: whether this teacher's own pace is behind `seconds`; else `_SECONDS_TO_ANSWER` and the concurrency are.
    """

    requests: int = 0
    likely: Tokens = field(default_factory=Tokens)
    most: Tokens = field(default_factory=Tokens)
    likely_cost: float | None = None
    most_cost: float | None = None
    currency: str = ""
    seconds: float = 0.0
    pace_measured: bool = False

    def in_words(self, config: TeacherConfig) -> str:
        """`240 requests, about 180,000 + 60,000 tokens, 0.12 USD (at most 0.31), about 2 min; cap 1.00 USD`."""
        facts = [
            f"{counted(self.requests, 'request')}, about {_rounded(self.likely.prompt)} + {_rounded(self.likely.answer)} tokens"
        ]
        if self.likely_cost is not None and self.most_cost is not None:
            facts.append(f"{self.likely_cost:.2f} {self.currency} (at most {self.most_cost:.2f})")
        else:
            facts.append(f"at most {_rounded(self.most.prompt + self.most.answer)}")
        took = f"{max(1, round(self.seconds))} s" if self.seconds < _A_WHILE else f"{round(self.seconds / 60):,} min"
        guess = "" if self.pace_measured else f" if {config.concurrency} answers at a time take {_SECONDS_TO_ANSWER:g} s each"
        facts += [f"about {took}{guess}"] if self.requests else []
        caps = [f"{config.max_cost:g} {config.currency}"] if config.max_cost is not None else []
        caps += [f"{config.max_tokens:,} tokens"] if config.max_tokens is not None else []
        return ", ".join(facts) + f"; cap {' and '.join(caps) or 'none'}"


def expected_cost(
    asked: Iterable[Question[Any] | Tokens],
    config: TeacherConfig,
    likely_answer: int | None = None,
    pace: float | None = None,
) -> Expected:
    """Expected cost of questions, or of requests of which only the likely numbers of tokens are known.

    Args:
        likely_answer: tokens an answer to a question likely has; None: a quarter of the longest.
        pace: seconds per answer, all together, as far as that was measured.
    """
    requests = 0
    likely, most = Tokens(), Tokens()
    for one in asked:
        requests += 1
        if isinstance(one, Tokens):
            usual, longest = one, max(one.answer, config.answer_tokens)
            prompt = most_prompt_tokens(b"") + math.ceil(one.prompt * _BYTES_PER_TOKEN)
        else:
            longest = one.max_tokens or config.answer_tokens
            texts = [*(message["content"] for message in one.messages), json.dumps(one.schema, ensure_ascii=False)]
            usual = Tokens(sum(map(likely_tokens, texts)), min(longest, likely_answer or longest // _LIKELY_SHARE))
            prompt = most_prompt_tokens(json.dumps(texts, ensure_ascii=False).encode("utf-8", "replace"))
        repair = prompt + math.ceil(longest * _BYTES_PER_TOKEN) + _REPAIR_TOKENS
        likely, most = likely + usual, most + Tokens(prompt + repair, 2 * longest)
    seconds = requests * pace if pace else math.ceil(requests / config.concurrency) * _SECONDS_TO_ANSWER
    prices = Prices.of(config)
    costs = (prices.cost(likely) / PICO, prices.cost(most) / PICO) if prices.currency else (None, None)
    return Expected(requests, likely, most, costs[0], costs[1], prices.currency, seconds, pace is not None)


def _rounded(number: int) -> str:
    """Two digits: an estimate is no more exact."""
    return f"{round(number, -max(0, len(str(number)) - 2)):,}"
