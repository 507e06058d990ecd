"""Greedy answers in batches: the shared prefix read once, finished rows dropped, logits at the last position only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from anytasktune.inference.prefix_cache import PrefixedModel, length_batches
from anytasktune.models.head import logits_at
from anytasktune.models.packing_support import packs_rows

_DROP_BELOW = 0.75


@dataclass(frozen=True)
class Generated:
    """The continuation of one prompt, without the end token."""

    ids: list[int]
    truncated: bool
    """The limit came before an end token."""


@dataclass(frozen=True)
class Limits:
    """Limits of generation: end tokens, new tokens, and tokens per batch."""

    end_tokens: Sequence[int]
    max_new_tokens: int
    batch_tokens: int


@torch.inference_mode()
def generate(
    model: PreTrainedModel, prompts: Sequence[list[int]], limits: Limits, on_rows: Callable[[int], None] = lambda _: None
) -> list[Generated]:
    """Continue every prompt greedily until an end token or `max_new_tokens`.

    Same tokens as `model.generate(do_sample=False)` on each prompt alone, up to rounding in reduced precision.

    Args:
        on_rows: called with the number of rows finished since the last call.
    """
    if not prompts:
        return []
    if not packs_rows(model):
        return _one_by_one(model, prompts, limits, on_rows)
    reader, parts = PrefixedModel.reading(model, prompts)
    results: list[Generated | None] = [None] * len(prompts)
    lengths = [len(suffix) + limits.max_new_tokens // 2 for suffix in parts.suffixes]
    for rows in length_batches(lengths, limits.batch_tokens):
        batch = _Batch(reader, [parts.suffixes[row] for row in rows], limits)
        for row, generated in zip(rows, batch.run(), strict=True):
            results[row] = generated
        on_rows(len(rows))
    return [result for result in results if result is not None]


class _Batch:
    """A batch of prompts being answered."""

    def __init__(self, reader: PrefixedModel, suffixes: Sequence[list[int]], limits: Limits) -> None:
        self.reader = reader
        self.limits = limits
        self.cache, self.hidden = reader.start(suffixes)
        ends = [[reader.length + len(suffix) - 1] for suffix in suffixes]
        self.positions = torch.tensor(ends, device=reader.device)
        self.answers: list[list[int]] = [[] for _ in suffixes]
        self.truncated = [True] * len(suffixes)
        self.rows: list[int | None] = list(range(len(suffixes)))
        """The answer of each row of the cache; None once it has ended."""

    def run(self) -> list[Generated]:
        tokens, positions = self._likeliest(self.hidden), self.positions
        for step in range(self.limits.max_new_tokens):
            self._take(tokens)
            if step == self.limits.max_new_tokens - 1 or all(row is None for row in self.rows):
                break
            going = [place for place, row in enumerate(self.rows) if row is not None]
            if len(going) <= _DROP_BELOW * len(self.rows):  # dropping the others costs a copy of what is kept
                self.rows = [self.rows[place] for place in going]
                keep = torch.tensor(going, dtype=torch.long, device=self.reader.device)
                tokens, positions = tokens[keep], positions[keep]
                self.cache.keep(keep)
            positions = positions + 1
            tokens = self._likeliest(self.reader.read(self.cache, tokens.unsqueeze(1), positions)[:, 0])
        return [Generated(ids, cut) for ids, cut in zip(self.answers, self.truncated, strict=True)]

    def _likeliest(self, hidden: torch.Tensor) -> torch.Tensor:
        """The most probable token [b] after hidden states [b, h]."""
        return logits_at(self.reader.model, hidden.contiguous()).argmax(dim=-1)

    def _take(self, tokens: torch.Tensor) -> None:
        """Add the tokens to the answers."""
        for place, token in enumerate(tokens.tolist()):
            row = self.rows[place]
            if row is None:
                continue
            if token in self.limits.end_tokens:
                self.truncated[row] = False
                self.rows[place] = None
            else:
                self.answers[row].append(token)


def _one_by_one(
    model: PreTrainedModel, prompts: Sequence[list[int]], limits: Limits, on_rows: Callable[[int], None]
) -> list[Generated]:
    """transformers' own loop, one prompt at a time, for models that cannot share a prefix or pad."""
    results = []
    for prompt in prompts:
        ids = torch.tensor([prompt], device=next(model.parameters()).device)
        ends = list(limits.end_tokens)
        output = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=limits.max_new_tokens,
            eos_token_id=ends,
            pad_token_id=ends[0],
        )
        answer = output[0, len(prompt) :].tolist()
        end = next((place for place, token in enumerate(answer) if token in ends), None)
        results.append(Generated(answer[:end], end is None))
        on_rows(1)
    return results
