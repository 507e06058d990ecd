"""Log probabilities of the tokens of an answer, and of the tokens that were most probable in their places.

They are the model's own, read in one pass over prompt and answer: neither a constraint nor temperature changes them.
"""

import codecs
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from anytasktune.inference.constraint import TokenTable
from anytasktune.models.head import logits_at

_LOGITS_AT_ONCE = 512


@dataclass(frozen=True)
class ScoredToken:
    """A token of an answer.

    Attributes:
        text: its bytes; a character can be spread over several tokens. Of a special token its name.
        others: the most probable tokens in its place with their log probabilities, the most probable first.
    """

    text: bytes
    log_probability: float
    others: tuple[tuple[bytes, float], ...]


def score_tokens(
    model: PreTrainedModel, table: TokenTable, prompt: Sequence[int], answer: Sequence[int], most: int
) -> list[ScoredToken]:
    """Score the tokens of an answer; adapters must be on the model.

    Args:
        most: other tokens per place.
    """
    scored: list[ScoredToken] = []
    with torch.inference_mode():
        ids = torch.tensor([[*prompt, *answer]], device=next(model.parameters()).device)
        states = model.base_model(ids, use_cache=False).last_hidden_state[0, len(prompt) - 1 : -1]
        for start in range(0, len(answer), _LOGITS_AT_ONCE):
            tokens = answer[start : start + _LOGITS_AT_ONCE]
            logits = logits_at(model, states[start : start + _LOGITS_AT_ONCE].contiguous()).log_softmax(dim=-1).cpu()
            own = logits.gather(1, torch.tensor(tokens).unsqueeze(1)).squeeze(1).tolist()
            best = logits.topk(most, dim=-1)
            for token, score, places, values in zip(tokens, own, best.indices.tolist(), best.values.tolist(), strict=True):
                scored.append(scored_token(table, token, score, zip(places, values, strict=True)))
    return scored


def texts_of(scored: Sequence[ScoredToken]) -> list[str]:
    """The part that each token adds to the text: a character stands at the token that completes it."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return [decoder.decode(one.text) for one in scored]


def scored_token(table: TokenTable, token: int, score: float, others: Iterable[tuple[int, float]]) -> ScoredToken:
    """A token with others in its place, given by their ids in order."""
    return ScoredToken(table.shown(token), score, tuple((table.shown(other), value) for other, value in others))
