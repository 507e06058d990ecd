"""Scores of labels: their probabilities are computed, nothing is generated.

The labels' tokens form a trie. Its nodes are appended to each prompt; a node attends to the prompt and to its ancestors
only, so all labels are scored in one pass and what they share is computed once. A label's score is the log
probability of its tokens and of the end of the turn after them; probabilities are those scores normalised over the labels.

A small trie goes through the model in one pass. Of a large one each row visits only the branches that can still matter
(`TrieSearch`).
"""

from collections.abc import Callable, Sequence

import torch
from transformers import PreTrainedModel

from anytasktune.inference.label_trie import LabelTrie, TrieSearch
from anytasktune.inference.prefix_cache import PrefixedModel, length_batches
from anytasktune.models.head import logits_at
from anytasktune.models.packing_support import packs_rows

_LOGITS_AT_ONCE = 1024
_WHOLE_UP_TO = 24


def without_needless_ends(answers: Sequence[list[int]], end: int) -> list[list[int]]:
    """Token ids of answers, without the end of the turn (the last `end` tokens) where no other answer begins with them.

    Nothing but the end can follow there, however improbable a model finds it: so a constraint would answer too.
    """
    bare = [tuple(answer[: len(answer) - end]) for answer in answers]
    beginnings = {answer[:length] for answer in bare for length in range(len(answer))}
    return [list(answer if short in beginnings else short) for answer, short in zip(answers, bare, strict=True)]


@torch.inference_mode()
def score_labels(
    model: PreTrainedModel,
    prompts: Sequence[list[int]],
    labels: Sequence[list[int]],
    batch_tokens: int,
    on_rows: Callable[[int], None] = lambda _: None,
) -> torch.Tensor:
    """Log probability of every label after every prompt; -inf for labels that do not matter (see `TrieSearch`).

    Args:
        labels: token ids of each label, the end of the turn included.
        on_rows: called with the number of prompts scored since the last call.

    Returns:
        [prompts, labels] float32 on the CPU.
    """
    scores = torch.zeros(len(prompts), len(labels))
    if not packs_rows(model):
        for row, prompt in enumerate(prompts):
            scores[row] = _score_one_by_one(model, prompt, labels)
            on_rows(1)
        return scores
    trie = LabelTrie.of(labels)
    reader, parts = PrefixedModel.reading(model, prompts)
    whole = len(trie.tokens) <= _WHOLE_UP_TO
    lengths = [len(suffix) + (len(trie.tokens) if whole else _WHOLE_UP_TO) for suffix in parts.suffixes]
    for rows in length_batches(lengths, batch_tokens):
        suffixes = [parts.suffixes[row] for row in rows]
        scores[rows] = _score_batch(reader, trie, suffixes) if whole else TrieSearch(reader, trie, suffixes).scores()
        on_rows(len(rows))
    return scores


def _score_batch(reader: PrefixedModel, trie: LabelTrie, suffixes: list[list[int]]) -> torch.Tensor:
    """[b, labels] log probabilities; logits are made for a few rows at a time to bound memory."""
    cache, last = reader.start(suffixes)
    hidden = last.unsqueeze(1)  # of the last prompt token, then of every trie node: [b, 1 + nodes, h]
    if trie.tokens:
        tokens = torch.tensor(trie.tokens, dtype=torch.long, device=reader.device).expand(len(suffixes), -1)
        ends = torch.tensor([[reader.length + len(suffix) - 1] for suffix in suffixes])
        positions = (ends + torch.tensor(trie.depths)).to(reader.device)
        hidden = torch.cat([hidden, reader.read(cache, tokens, positions, trie.ancestry().to(reader.device))], dim=1)
    nodes, which = torch.unique(torch.tensor([node for node, _ in trie.edges]), return_inverse=True)
    predicted = torch.tensor([token for _, token in trie.edges])
    rows_at_once = max(1, _LOGITS_AT_ONCE // len(nodes))
    parts = []
    for start in range(0, len(suffixes), rows_at_once):
        chosen = hidden[start : start + rows_at_once, nodes]
        logits = logits_at(reader.model, chosen.flatten(0, 1)).view(*chosen.shape[:2], -1)
        parts.append((logits[:, which, predicted] - logits.logsumexp(dim=-1)[:, which]).cpu())
    edges = torch.cat(parts)
    return torch.stack([edges[:, path].sum(dim=1) for path in trie.paths], dim=1)


def _score_one_by_one(model: PreTrainedModel, prompt: list[int], labels: Sequence[list[int]]) -> torch.Tensor:
    """[labels] for models whose layers cannot take a tree: every label in a row of its own, padded on the right."""
    width = len(prompt) + max(len(label) for label in labels)
    ids = torch.zeros(len(labels), width, dtype=torch.long)
    for row, label in enumerate(labels):
        ids[row, : len(prompt) + len(label)] = torch.tensor(prompt + label)
    ids = ids.to(next(model.parameters()).device)
    hidden = model.base_model(ids, use_cache=False).last_hidden_state
    scores = []
    for row, label in enumerate(labels):
        logits = logits_at(model, hidden[row, len(prompt) - 1 : len(prompt) + len(label) - 1].contiguous())
        picked = logits.log_softmax(dim=-1).cpu().gather(1, torch.tensor(label).unsqueeze(1))
        scores.append(picked.sum())
    return torch.stack(scores)
