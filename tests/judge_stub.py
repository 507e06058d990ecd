"""An LLM judge behind a real HTTP server: fair, or biased as it is told."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anytasktune.text.overlap import token_f1

_MATERIAL = re.compile(r"<<<+\n(.*?)\n>>>+", re.S)
Bias = str
"""`fair`, `position`, `length`, or `silent`: an answer that cannot be used."""


@dataclass(frozen=True)
class JudgeStub:
    """Answers requests for marks and comparisons."""

    bias: Bias = "fair"

    def __call__(self, body: dict[str, Any]) -> str:
        prompt = body["messages"][0]["content"]
        if self.bias == "silent":
            return "I would rather not say."
        blocks = [text.strip() for text in _MATERIAL.findall(prompt)]
        criteria = sorted(set(re.findall(r"^- (c\d)", prompt, re.M)))
        if criteria:
            _, _, reference, output = blocks
            return json.dumps({"reason": "as it is", **dict.fromkeys(criteria, self._mark(reference, output))})
        _, _, first, second = blocks
        return json.dumps({"better": self._better(first, second)})

    def _mark(self, reference: str, output: str) -> int:
        if self.bias == "length":
            return min(5, 1 + len(output) // 25)
        paragraphs = output.split("\n\n")  # written twice is no better than once
        return 1 + round(4 * token_f1(reference, paragraphs[0]))

    def _better(self, first: str, second: str) -> str:
        if self.bias == "position":
            return "1"
        if first == second:
            return "tie"
        longer: Callable[[str], Any] = (lambda text: (len(text), text)) if self.bias == "length" else (lambda text: text)
        return "1" if longer(first) > longer(second) else "2"
