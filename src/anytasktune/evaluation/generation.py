"""Greedy answers in batches: the shared prefix read once, finished rows dropped, logits at the last position only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

from anytasktune.evaluation.prefix import PrefixedModel, Rectangle, left_padded, length_batches
from anytasktune.models.head import logits_at


@dataclass(frozen=True)
class Generated:
    """Tokens one prompt was continued with, without the end token."""

    ids: list[int]
    truncated: bool
    """The limit came before an end token."""


@dataclass(frozen=True)
class Limits:
    """When generation stops and how much goes through the model at once."""

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
    """One rectangle of prompts on its way to answers."""

    def __init__(self, reader: PrefixedModel, suffixes: Sequence[list[int]], limits: Limits) -> None:
        self.reader = reader
        self.limits = limits
        self.model = reader.model
        rectangle = left_padded(suffixes, reader.length, reader.device)
        self.cache: DynamicCache = reader.cache(len(suffixes), rectangle.ids.shape[1] + limits.max_new_tokens)
        self.answers: list[list[int]] = [[] for _ in suffixes]
        self.truncated = [True] * len(suffixes)
        self.active = list(range(len(suffixes)))
        self.seen = torch.cat([rectangle.real.new_ones(len(suffixes), reader.length), rectangle.real], dim=1)
        self.rectangle = rectangle

    def run(self) -> list[Generated]:
        last = self._forward(self.rectangle)
        positions = self.rectangle.positions[:, -1]
        for step in range(self.limits.max_new_tokens):
            last, positions = self._take(last, positions)
            if not self.active or step == self.limits.max_new_tokens - 1:
                break
            positions = positions + 1
            self.seen = torch.cat([self.seen, self.seen.new_ones(len(self.active), 1)], dim=1)
            last = self._forward(Rectangle(last.unsqueeze(1), positions.unsqueeze(1), self.seen[:, -1:]))
        return [Generated(ids, cut) for ids, cut in zip(self.answers, self.truncated, strict=True)]

    def _forward(self, rectangle: Rectangle) -> torch.Tensor:
        """The next token of every active row."""
        hidden = self.model.base_model(
            rectangle.ids,
            position_ids=rectangle.positions,
            attention_mask=self.seen.long(),
            past_key_values=self.cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
        return logits_at(self.model, hidden.contiguous()).argmax(dim=-1)

    def _take(self, tokens: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Add the tokens to the answers and drop the rows that have ended."""
        going = []
        for place, (row, token) in enumerate(zip(self.active, tokens.tolist(), strict=True)):
            if token in self.limits.end_tokens:
                self.truncated[row] = False
            else:
                self.answers[row].append(token)
                going.append(place)
        if len(going) == len(self.active):
            return tokens, positions
        keep = torch.tensor(going, dtype=torch.long, device=tokens.device)
        self.active = [self.active[place] for place in going]
        self.seen = self.seen[keep]
        if going:
            self.cache.batch_select_indices(keep)
        return tokens[keep], positions[keep]
