"""Tokens and money before they are spent: what is likely, and what cannot be passed."""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from anytasktune.settings import TeacherConfig

PICO = 10**12
"""Money is counted in whole trillionths, so that sums are exact."""
_MILLION = 10**6
_TEMPLATE_TOKENS = 512
"""What a server may put around a conversation of its own accord: a default system message, tools, the schema's frame."""


@dataclass(frozen=True)
class Tokens:
    """Tokens of a request or of many."""

    prompt: int = 0
    answer: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.prompt + other.prompt, self.answer + other.answer)


@dataclass(frozen=True)
class Prices:
    """What a token costs, in trillionths of a currency; `currency` is empty where prices are not known."""

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
        """Of so many tokens, in trillionths."""
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
