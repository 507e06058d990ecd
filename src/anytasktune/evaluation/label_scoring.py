"""Label tasks are not generated: every label's probability is computed, exactly, in one pass per batch.

The labels' tokens form a trie. Its nodes are appended to each prompt; a node attends to the prompt and to its ancestors
only, so all labels are scored together and what they share is computed once. A label's score is the log
probability of its tokens and of the end of the turn after them; probabilities are those scores normalised over the labels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from anytasktune.evaluation.prefix import PrefixedModel, left_padded, length_batches
from anytasktune.models.head import logits_at
from anytasktune.models.packed import packs_rows

_LOGITS_AT_ONCE = 1024


@dataclass(frozen=True)
class LabelTrie:
    """Tokens of all labels (each closed by the end of the turn) as a tree.

    Node 0 is the root, which stands for the last prompt token. Nodes whose only content is the end token are no inputs
    of the model: they are only predicted.

    Attributes:
        tokens, parents, depths: per node with children, except the root, in order of creation.
        edges: per edge (node whose hidden state predicts, predicted token).
        paths: per label, the indices of its edges.
    """

    tokens: list[int]
    parents: list[int]
    depths: list[int]
    edges: list[tuple[int, int]]
    paths: list[list[int]]

    @classmethod
    def of(cls, labels: Sequence[Sequence[int]]) -> "LabelTrie":
        """The trie of token sequences, each of which ends with an end token."""
        nodes: dict[tuple[int, ...], int] = {(): 0}
        trie = cls([], [], [], [], [])
        edges: dict[tuple[int, int], int] = {}
        for label in labels:
            path = []
            for depth, token in enumerate(label):
                parent = nodes[tuple(label[:depth])]
                path.append(edges.setdefault((parent, token), len(edges)))
                last = depth == len(label) - 1
                if not last and tuple(label[: depth + 1]) not in nodes:
                    nodes[tuple(label[: depth + 1])] = len(nodes)
                    trie.tokens.append(token)
                    trie.parents.append(parent)
                    trie.depths.append(depth + 1)
            trie.paths.append(path)
        trie.edges.extend(edges)
        return trie

    def ancestry(self) -> torch.Tensor:
        """[nodes, nodes] bool: row i attends to column j (j is i or an ancestor of i); the root is left out."""
        size = len(self.tokens)
        table = torch.eye(size, dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent > 0:
                table[node] |= table[parent - 1]
        return table


@torch.inference_mode()
def score_labels(
    model: PreTrainedModel,
    prompts: Sequence[list[int]],
    labels: Sequence[list[int]],
    batch_tokens: int,
    on_rows: Callable[[int], None] = lambda _: None,
) -> torch.Tensor:
    """Log probability of every label after every prompt.

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
    lengths = [len(suffix) + len(trie.tokens) for suffix in parts.suffixes]
    for rows in length_batches(lengths, batch_tokens):
        scores[rows] = _score_batch(reader, trie, [parts.suffixes[row] for row in rows])
        on_rows(len(rows))
    return scores


def _score_batch(reader: PrefixedModel, trie: LabelTrie, suffixes: list[list[int]]) -> torch.Tensor:
    """[b, labels] log probabilities; logits are made for a few rows at a time to bound memory."""
    hidden = _hidden_states(reader, trie, suffixes)
    nodes, which = torch.unique(torch.tensor([node for node, _ in trie.edges]), return_inverse=True)
    tokens = torch.tensor([token for _, token in trie.edges])
    rows_at_once = max(1, _LOGITS_AT_ONCE // len(nodes))
    parts = []
    for start in range(0, len(suffixes), rows_at_once):
        chosen = hidden[start : start + rows_at_once, nodes]
        logits = logits_at(reader.model, chosen.flatten(0, 1)).view(*chosen.shape[:2], -1)
        parts.append((logits[:, which, tokens] - logits.logsumexp(dim=-1)[:, which]).cpu())
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


def _hidden_states(reader: PrefixedModel, trie: LabelTrie, suffixes: list[list[int]]) -> torch.Tensor:
    """Hidden states [b, 1 + nodes, h]: of the last prompt token and of every trie node."""
    rectangle = left_padded(suffixes, reader.length, reader.device)
    batch, width = rectangle.ids.shape
    nodes = torch.tensor(trie.tokens, dtype=torch.long, device=reader.device).expand(batch, -1)
    depths = torch.tensor(trie.depths, dtype=torch.long, device=reader.device)
    ids = torch.cat([rectangle.ids, nodes], dim=1)
    positions = torch.cat([rectangle.positions, rectangle.positions[:, -1:] + depths], dim=1)
    visible = _visible(trie, width).to(reader.device)
    return reader.read(reader.cache(batch, ids.shape[1]), ids, positions, visible)[:, width - 1 :]


def _visible(trie: LabelTrie, width: int) -> torch.Tensor:
    """[S + nodes, S + nodes] bool: prompts look back, a node at the prompt and at its ancestors."""
    size = len(trie.tokens)
    visible = torch.ones(width + size, width + size, dtype=torch.bool).tril()
    visible[width:, width:] = trie.ancestry()
    return visible
