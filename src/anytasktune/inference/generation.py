"""Answers in batches, greedy or sampled: the shared prefix read once, finished rows dropped, logits where a token is chosen.

Answers may be held to a grammar (`inference.constraint`). What the grammar forces is read in one pass with the token before it.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import LogitsProcessor, LogitsProcessorList, PreTrainedModel

from anytasktune.inference.constraint import ConstrainedAnswer, Constraint
from anytasktune.inference.prefix_cache import PrefixedModel, length_batches
from anytasktune.models.head import logits_at
from anytasktune.models.packing_support import packs_rows
from anytasktune.models.prepacked import prepacked

_DROP_BELOW = 0.75


@dataclass(frozen=True)
class Generated:
    """The continuation of one prompt, without the end token."""

    ids: list[int]
    truncated: bool
    """A limit came before an end token; under a constraint the answer was then closed within it."""
    corrected: bool = False
    """The constraint did not allow the most probable token somewhere, so that without it the answer would be another."""


@dataclass(frozen=True)
class Limits:
    """Limits of generation: end tokens, new tokens, and tokens per batch."""

    end_tokens: Sequence[int]
    max_new_tokens: int
    batch_tokens: int


@dataclass(frozen=True)
class Sampling:
    """Answers drawn at random instead of the likeliest ones; the same prompt and seed give the same answer."""

    seed: int
    temperature: float = 0.7
    top_p: float = 1.0
    """Probability of the fewest most probable tokens that together reach it, of which one is drawn; 1: of all tokens."""

    def generator(self, prompt: Sequence[int]) -> torch.Generator:
        """The source of randomness for the answer to a prompt."""
        return torch.Generator().manual_seed(random.Random(f"{self.seed} {list(prompt)}").getrandbits(63))  # noqa: S311


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    prompts: Sequence[list[int]],
    limits: Limits,
    on_rows: Callable[[int], None] = lambda _: None,
    constrain: Callable[[int], Constraint | None] = lambda _: None,
    sampling: Sampling | None = None,
) -> list[Generated]:
    """Continue every prompt until an end token or `max_new_tokens`, greedily unless `sampling` is given.

    Same tokens as `model.generate(do_sample=False)` on each prompt alone, up to rounding in reduced precision; where there is a
    constraint, of those it allows.

    Args:
        on_rows: called with the number of rows finished since the last call.
        constrain: the constraint on the answer to a prompt, by its number; None where it may be answered in any way. Asked
            for when the answer begins, so that few exist at a time.
    """
    if not prompts:
        return []

    def begin(row: int) -> GrowingAnswer:
        return GrowingAnswer(limits, constrain(row), sampling, prompts[row])

    packs = packs_rows(model)
    with prepacked(model):
        if not packs:
            return [_alone(model, prompt, begin(row), on_rows) for row, prompt in enumerate(prompts)]
        reader, parts = PrefixedModel.reading(model, prompts)
        results: list[Generated | None] = [None] * len(prompts)
        lengths = [len(suffix) + limits.max_new_tokens // 2 for suffix in parts.suffixes]
        for rows in length_batches(lengths, limits.batch_tokens):
            answers = [begin(row) for row in rows]
            _Batch(reader, [parts.suffixes[row] for row in rows], answers).run()
            for row, answer in zip(rows, answers, strict=True):
                results[row] = answer.result()
            on_rows(len(rows))
    return [result for result in results if result is not None]


class GrowingAnswer:
    """One answer being generated.

    Attributes:
        ids: its tokens so far.
        open: whether more follow.
    """

    def __init__(
        self, limits: Limits, constraint: Constraint | None, sampling: Sampling | None = None, prompt: Sequence[int] = ()
    ) -> None:
        self.limits = limits
        self.sampling = sampling
        self.random = sampling.generator(prompt) if sampling else None
        self.constraint = constraint
        self.held: ConstrainedAnswer | None = constraint.begin() if constraint else None
        self.ids: list[int] = []
        self.open = True
        self.truncated = False

    def ranked(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits [vocabulary], of which the highest is to be chosen: with Gumbel noise where answers are sampled.

        The highest of the allowed ones then is a sample of these, in the right proportions. Tokens outside of `top_p` stand
        below all others, the most probable first, for a constraint that allows none of the others.
        """
        if self.sampling is None:
            return logits
        uniform = torch.rand(len(logits), generator=self.random).clamp_min(1e-20)
        noise = -torch.log(-torch.log(uniform)).to(logits.device)
        ranked = logits.float() + self.sampling.temperature * noise  # logits divided by a tiny temperature would be infinite
        if self.sampling.top_p >= 1:
            return ranked
        outside = ~_likeliest(logits, self.sampling)
        return torch.where(outside, logits.float() - logits.float().max() + ranked[~outside].min() - 1, ranked)

    def extend(self, likeliest: int, logits: torch.Tensor) -> list[int]:
        """Add a token, and those that must follow it; returns what was added.

        Args:
            likeliest: the token with the highest of `logits` [vocabulary].
        """
        if self.held is None:
            return self._add([likeliest])
        if not self.ids and (forced := self.held.forced()):
            self.held.corrected |= forced[0] != likeliest
            return self._add(forced)
        token = self.held.choose(likeliest, logits)
        if self.held.full:
            self.open, self.truncated = False, True
            return []
        return self._add([token, *self.held.forced()] if token not in self.limits.end_tokens else [token])

    def _add(self, tokens: list[int]) -> list[int]:
        if tokens[0] in self.limits.end_tokens:
            self.open = False
            return []
        tokens = tokens[: self.limits.max_new_tokens - len(self.ids)]
        self.ids += tokens
        if self.held is not None and self.held.complete and self.held.corrected:
            self.open = False  # whether it would have ended by itself no longer matters
        elif len(self.ids) >= self.limits.max_new_tokens:
            self.open = False
            self.truncated = self.held is None or not self.held.complete
        return tokens

    def result(self) -> Generated:
        """The finished answer, closed where it was cut, and mended where it breaks a rule that no grammar can say."""
        if self.held is None or self.constraint is None:
            return Generated(self.ids, self.truncated)
        if self.truncated or not self.constraint.is_right(self.ids):
            closed = self.constraint.closed(self.ids, self.limits.max_new_tokens)
            return Generated(self.ids if closed is None else closed, self.truncated, corrected=True)
        return Generated(self.ids, truncated=False, corrected=self.held.corrected)


def _likeliest(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The fewest tokens [vocabulary] whose probabilities add up to `top_p`, at least the most probable one."""
    precise = logits.cpu().double()  # Apple's GPUs have no float64
    scaled = (precise - precise.max()) / sampling.temperature
    probabilities, order = scaled.softmax(dim=-1).sort(descending=True, stable=True)
    before = probabilities.cumsum(dim=-1) - probabilities
    chosen = torch.zeros_like(precise, dtype=torch.bool)
    chosen[order[before < sampling.top_p]] = True
    return chosen.to(logits.device)


def extend_answers(model: PreTrainedModel, answers: Sequence[GrowingAnswer], hidden: torch.Tensor) -> list[list[int]]:
    """Add to open answers what follows hidden states [answers, h]; returns the new tokens of each."""
    logits = logits_at(model, hidden.contiguous())
    if any(answer.sampling for answer in answers):
        logits = torch.stack([answer.ranked(row) for answer, row in zip(answers, logits, strict=True)])
    likeliest = logits.argmax(dim=-1).tolist()
    every = zip(answers, likeliest, logits, strict=True)
    return [answer.extend(token, row) if answer.open else [] for answer, token, row in every]


def compare_forced(
    model: PreTrainedModel, hidden: torch.Tensor, answers: Sequence[GrowingAnswer], added: Sequence[Sequence[int]]
) -> None:
    """Note where the model would have chosen other tokens than those forced on it.

    Args:
        hidden: [answers, n, h] states of the tokens in `added`.
    """
    places = [
        (row, place)
        for row, (answer, tokens) in enumerate(zip(answers, added, strict=True))
        if answer.held is not None and not answer.held.corrected
        for place in range(len(tokens) - 1)
    ]
    if not places:
        return
    rows, columns = zip(*places, strict=True)
    likeliest = logits_at(model, hidden[list(rows), list(columns)]).argmax(dim=-1).tolist()
    for (row, place), token in zip(places, likeliest, strict=True):
        held = answers[row].held
        if held is not None and token != added[row][place + 1]:
            held.corrected = True


class _Batch:
    """A batch of prompts being answered."""

    def __init__(self, reader: PrefixedModel, suffixes: Sequence[list[int]], answers: Sequence[GrowingAnswer]) -> None:
        self.reader = reader
        self.cache, self.hidden = reader.start(suffixes)
        self.ends = [reader.length + len(suffix) - 1 for suffix in suffixes]
        """Of each row of the cache, the position of its last token."""
        self.answers = list(answers)

    def run(self) -> None:
        """Generate all answers."""
        added = extend_answers(self.reader.model, self.answers, self.hidden)
        while any(answer.open for answer in self.answers):
            added = self._drop(added)
            hidden = self._read(added)
            compare_forced(self.reader.model, hidden, self.answers, added)
            lasts = [max(len(tokens) - 1, 0) for tokens in added]
            added = extend_answers(self.reader.model, self.answers, hidden[torch.arange(len(lasts)), lasts])

    def _drop(self, added: list[list[int]]) -> list[list[int]]:
        """Leave out finished rows, once there are so many that this saves more than the copy costs."""
        going = [place for place, answer in enumerate(self.answers) if answer.open]
        if len(going) > _DROP_BELOW * len(self.answers):
            return added
        self.answers, self.ends = [self.answers[place] for place in going], [self.ends[place] for place in going]
        self.cache.keep(torch.tensor(going, dtype=torch.long, device=self.reader.device))
        return [added[place] for place in going]

    def _read(self, added: Sequence[list[int]]) -> torch.Tensor:
        """Hidden states [b, n, h] of new tokens, shorter rows padded on the right."""
        width = max(map(len, added))
        ids, positions = torch.zeros(len(added), width, dtype=torch.long), torch.full((len(added), width), -1)
        for row, tokens in enumerate(added):
            ids[row, : len(tokens)] = torch.tensor(tokens, dtype=torch.long)
            positions[row, : len(tokens)] = torch.arange(self.ends[row] + 1, self.ends[row] + 1 + len(tokens))
            self.ends[row] += len(tokens)
        device = self.reader.device
        return self.reader.read(self.cache, ids.to(device), positions.to(device))


class _Held(LogitsProcessor):
    """Leaves transformers' own loop only the token that an answer takes next."""

    def __init__(self, answer: GrowingAnswer) -> None:
        self.answer = answer
        self.waiting: list[int] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        ranked = self.answer.ranked(scores[0])
        likeliest = int(ranked.argmax())
        if self.waiting and self.answer.held is not None:
            self.answer.held.corrected |= self.waiting[0] != likeliest
        elif self.answer.open:
            self.waiting = self.answer.extend(likeliest, ranked)
        chosen = self.waiting.pop(0) if self.waiting else self.answer.limits.end_tokens[0]
        only = torch.full_like(scores, -torch.inf)
        only[0, chosen] = 0.0
        return only


def _alone(model: PreTrainedModel, prompt: list[int], answer: GrowingAnswer, on_rows: Callable[[int], None]) -> Generated:
    """transformers' own loop for one prompt, for models that cannot share a prefix or pad."""
    ids, limits = torch.tensor([prompt], device=next(model.parameters()).device), answer.limits
    model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=limits.max_new_tokens + 1,
        eos_token_id=list(limits.end_tokens),
        pad_token_id=limits.end_tokens[0],
        logits_processor=LogitsProcessorList([_Held(answer)]),
    )
    on_rows(1)
    return answer.result()
