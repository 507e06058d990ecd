"""Attention over a stream: many rows of different lengths, without padding, in one forward pass.

The tokens of a stream lie one after the other, [1, T]. A *section* is a prefix with the rows that follow it: a prefix token
attends to the prefix tokens before it, a row's token to the whole prefix and to the row's own tokens before it. So the trunk
sees each prefix token once per step, however many rows share it; all matrix products but those of attention itself run over the
whole stream. The result is the same function as one padded row after the other.

A section too large for one stream is cut: its first stream carries the prefix and keeps its keys and values, the others read
them and leave their gradients there. The backward pass of the first stream, which must be the last, adds them to its own.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface

PACKED = "anytasktune_packed"
_PREFIX_CHUNK = 320
_MAX_PADDING = 0.25
_GOOD_GEMM_ROWS = 256


@dataclass
class KeptPrefix:
    """Keys and values of a prefix, by layer, [groups, P, d] each, and the gradients that later streams leave in them."""

    states: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)
    grads: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def add_grads(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Add to the gradients of one layer's states."""
        if layer in self.grads:
            self.grads[layer][0].add_(keys)
            self.grads[layer][1].add_(values)
        else:
            self.grads[layer] = (keys, values)


@dataclass(frozen=True)
class Block:
    """Rows of similar length as a rectangle [b, W].

    Attributes:
        index: [b·W] places in the stream; padding repeats a row's last place.
        real: [n] which of the b·W are no padding, or None if all are.
        rows, width: b and W.
    """

    index: torch.Tensor
    real: torch.Tensor | None
    rows: int
    width: int

    def to(self, device: torch.device) -> "Block":
        return Block(self.index.to(device), None if self.real is None else self.real.to(device), self.rows, self.width)

    def gather(self, states: torch.Tensor, heads: int) -> torch.Tensor:
        """[T, groups·heads, d] → [groups, b, heads·W, d]."""
        chosen = states.index_select(0, self.index).view(self.rows, self.width, -1, heads, states.shape[-1])
        return chosen.permute(2, 0, 3, 1, 4).reshape(chosen.shape[2], self.rows, heads * self.width, -1).contiguous()

    def scatter(self, target: torch.Tensor, rectangle: torch.Tensor, heads: int) -> None:
        """The reverse of `gather`; padding is dropped."""
        groups, width = rectangle.shape[0], rectangle.shape[-1]
        rows = rectangle.reshape(groups, self.rows, heads, self.width, width).permute(1, 3, 0, 2, 4)
        flat = rows.reshape(self.rows * self.width, groups * heads, width)
        if self.real is None:
            target.index_copy_(0, self.index, flat)
        else:
            target.index_copy_(0, self.index.index_select(0, self.real), flat.index_select(0, self.real))


@dataclass(frozen=True)
class Section:
    """A prefix of `length` tokens and the blocks of rows after it.

    Attributes:
        start: place of the prefix in this stream; None if it is read from `kept`, or if there is none.
        kept: its states, for other streams to read.
    """

    length: int
    start: int | None
    blocks: tuple[Block, ...]
    kept: KeptPrefix | None = None

    def kept_prefix(self) -> KeptPrefix:
        """The states of a prefix that lies in another stream."""
        if self.kept is None:
            raise ValueError("a section that does not carry its prefix must be given its states")
        return self.kept


@dataclass(frozen=True)
class Layout:
    """The tokens that attend to each other in a stream.

    Attributes:
        keep: receives keys and values [T, groups, d] of all tokens by layer, for streams that continue from them.
    """

    sections: tuple[Section, ...]
    keep: dict[int, tuple[torch.Tensor, torch.Tensor]] | None = None
    _pieces: dict[tuple[int, int | None], list[tuple[Section, list["_Piece"]]]] = field(default_factory=dict)

    def to(self, device: torch.device) -> "Layout":
        """The same with its indices on a device."""
        moved = [replace(section, blocks=tuple(block.to(device) for block in section.blocks)) for section in self.sections]
        return Layout(tuple(moved), self.keep)

    def pieces(self, heads: int, window: int | None, device: torch.device) -> "list[tuple[Section, list[_Piece]]]":
        """The softmaxes of the stream; the same for all layers with this many query heads per group and this window."""
        if (heads, window) not in self._pieces:
            found = [(section, list(_pieces(section, heads, window, device))) for section in self.sections]
            self._pieces[heads, window] = found
        return self._pieces[heads, window]


def blocks_of(starts: Sequence[int], lengths: Sequence[int]) -> tuple[Block, ...]:
    """Rows (place in the stream, length), in any order, as rectangles with little padding."""
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    parts: list[list[int]] = [[]]
    tokens = 0
    for row in order:
        area = (len(parts[-1]) + 1) * lengths[row]
        wasteful = tokens >= _GOOD_GEMM_ROWS and area - tokens - lengths[row] > _MAX_PADDING * area
        if parts[-1] and wasteful:
            parts.append([])
            tokens = 0
        parts[-1].append(row)
        tokens += lengths[row]
    return tuple(_block([starts[row] for row in part], [lengths[row] for row in part]) for part in parts if part)


def _block(starts: list[int], lengths: list[int]) -> Block:
    width = max(lengths)
    columns = torch.arange(width)
    ends = torch.tensor(lengths).unsqueeze(1) - 1
    index = (torch.tensor(starts).unsqueeze(1) + torch.minimum(columns, ends)).flatten()
    real = (columns <= ends).flatten().nonzero().squeeze(1)
    ragged = min(lengths) != width
    return Block(index, real if ragged else None, len(lengths), width)


@dataclass(frozen=True)
class ScoreRule:
    """Treatment of attention scores by a model: scaling, soft cap, sliding window."""

    scaling: float
    softcap: float | None
    window: int | None

    def softmax(self, scores: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weights of scores [groups, b, n, keys], and the capped scores where the model caps them."""
        capped = None
        if self.softcap is not None:
            capped = scores.div_(self.softcap).tanh_().mul_(self.softcap)
            scores = capped.clone()
        scores[..., -mask.shape[-1] :].masked_fill_(mask, -math.inf)
        return scores.softmax(dim=-1), capped

    def softmax_backward(self, grad: torch.Tensor, weights: torch.Tensor, capped: torch.Tensor | None) -> torch.Tensor:
        """Gradient of the scores."""
        scores = torch._softmax_backward_data(grad, weights, -1, weights.dtype)
        return scores if capped is None or self.softcap is None else scores * (1 - (capped / self.softcap).square())


def products(rows: torch.Tensor, prefix: torch.Tensor | None, own: torch.Tensor | None) -> torch.Tensor:
    """Products of rows [g, b, n, d] with a prefix' states [g, p, d] and own states [g, b, m, d], side by side."""
    groups, batch, count, width = rows.shape
    reach = 0 if prefix is None else prefix.shape[1]
    columns = reach if own is None else reach + own.shape[2]
    products = rows.new_empty(groups, batch, count, columns)
    if prefix is not None:
        flat = products.view(groups, batch * count, columns)[..., :reach]
        torch.bmm(rows.view(groups, -1, width), prefix.transpose(1, 2), out=flat)
    if own is not None:
        flat = products.view(groups * batch, count, columns)[..., reach:]
        torch.bmm(rows.view(groups * batch, count, width), own.reshape(groups * batch, -1, width).transpose(1, 2), out=flat)
    return products


def mixed(weights: torch.Tensor, prefix: torch.Tensor | None, own: torch.Tensor | None) -> torch.Tensor:
    """Weights [g, b, n, p + m] times prefix states [g, p, d] and own states [g, b, m, d]."""
    groups, batch, count, columns = weights.shape
    length = 0 if prefix is None else prefix.shape[1]
    shared = weights.view(groups, batch * count, columns)[..., :length]
    if own is None:
        return torch.bmm(shared, prefix).view(groups, batch, count, -1)
    left = weights.view(groups * batch, count, columns)[..., length:]
    right = own.reshape(groups * batch, -1, own.shape[-1])
    if prefix is None:
        return torch.bmm(left, right).view(groups, batch, count, -1)
    result = torch.bmm(shared, prefix)
    result.view(groups * batch, count, -1).baddbmm_(left, right)
    return result.view(groups, batch, count, -1)


class _PackedAttention(torch.autograd.Function):
    """query [T, heads, d], key and value [T, groups, d] → [T, heads, d]."""

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: Layout, layer: int, rule: ScoreRule
    ) -> torch.Tensor:
        query = query * rule.scaling
        output = torch.empty_like(query)
        saved: list[torch.Tensor | None] = []
        for section, pieces in layout.pieces(query.shape[1] // key.shape[1], rule.window, query.device):
            prefix = _prefix_states(section, (key, value), layer)
            for piece in pieces:
                keys, values = _seen(piece, prefix, (key, value))
                weights, capped = rule.softmax(products(piece.gather(query), *keys), piece.mask)
                piece.scatter(output, mixed(weights, *values))
                saved += [weights, capped]
        ctx.save_for_backward(query, key, value, *saved)
        ctx.layout, ctx.layer, ctx.rule = layout, layer, rule
        return output

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, *saved = ctx.saved_tensors
        parts = iter(saved)
        of_query, of_key, of_value = (torch.empty_like(states) for states in (query, key, value))
        for section, pieces in ctx.layout.pieces(query.shape[1] // key.shape[1], ctx.rule.window, query.device):
            prefix = _prefix_states(section, (key, value), ctx.layer)
            of_prefix = None if prefix is None else (torch.zeros_like(prefix[0]), torch.zeros_like(prefix[1]))
            for piece in pieces:
                keys, values = _seen(piece, prefix, (key, value))
                weights, capped = next(parts), next(parts)
                rows, grad = piece.gather(query), piece.gather(grads[0])
                of_scores = ctx.rule.softmax_backward(products(grad, *values), weights, capped)
                piece.scatter(of_query, mixed(of_scores, *keys))
                _add_state_grads(piece, ((of_scores, rows), (weights, grad)), of_prefix, (of_key, of_value))
            if of_prefix is not None:
                _hand_back(section, of_prefix, (of_key, of_value), ctx.layer)
        return of_query.mul_(ctx.rule.scaling), of_key, of_value, None, None, None


Pair = tuple[torch.Tensor, torch.Tensor]


def _prefix_states(section: Section, states: Pair, layer: int) -> Pair | None:
    """Keys and values [groups, P, d] of a section's prefix; kept, if other streams will read them."""
    if not section.length:
        return None
    if section.start is None:
        return section.kept_prefix().states[layer]
    where = slice(section.start, section.start + section.length)
    prefix = states[0][where].transpose(0, 1).contiguous(), states[1][where].transpose(0, 1).contiguous()
    if section.kept is not None:
        section.kept.states[layer] = prefix
    return prefix


def _seen(piece: "_Piece", prefix: Pair | None, states: Pair) -> list[tuple[torch.Tensor | None, torch.Tensor | None]]:
    """Keys and values that a piece's queries attend to: the prefix' [groups, p, d], the rows' own [groups, b, W, d]."""
    shared = [None, None] if prefix is None else [part[:, : piece.reach] for part in prefix]
    own = [piece.block.gather(part, 1) if isinstance(piece, _RowsPiece) else None for part in states]
    return list(zip(shared, own, strict=True))


def _add_state_grads(piece: "_Piece", products: tuple[Pair, Pair], of_prefix: Pair | None, of_states: Pair) -> None:
    """Add the gradients of keys and values; each of `products` is (weights [g, b, n, keys], what they weigh [g, b, n, d])."""
    for which, (left, right) in enumerate(products):
        groups, batch, count, columns = left.shape
        # the narrow matrix is the one that is transposed: transposing the wide one would copy it
        if of_prefix is not None:  # summed over all rows
            narrow = right.view(groups, -1, right.shape[-1]).transpose(1, 2)
            summed = torch.bmm(narrow, left.view(groups, -1, columns)[..., : piece.reach])
            of_prefix[which][:, : piece.reach] += summed.transpose(1, 2)
        if isinstance(piece, _RowsPiece):
            narrow = right.view(groups * batch, count, -1).transpose(1, 2)
            own = torch.bmm(narrow, left.view(groups * batch, count, columns)[..., piece.reach :]).transpose(1, 2)
            piece.block.scatter(of_states[which], own.unflatten(0, (groups, batch)), 1)


def _hand_back(section: Section, of_prefix: Pair, of_states: Pair, layer: int) -> None:
    """Add the gradients [groups, P, d] of a prefix to its tokens in this stream, or keep them for the stream that has them."""
    if section.start is None:
        section.kept_prefix().add_grads(layer, *of_prefix)
        return
    waiting = section.kept.grads.pop(layer, None) if section.kept is not None else None
    for which, part in enumerate(of_prefix):
        total = part if waiting is None else part + waiting[which]
        of_states[which][section.start : section.start + section.length] = total.transpose(0, 1)


@dataclass(frozen=True)
class _PrefixPiece:
    """The prefix tokens from `first` to `reach` as queries over the first `reach` of them.

    Attributes:
        mask: [heads·n, columns] over the last columns, True where a token must not attend.
    """

    heads: int
    start: int
    first: int
    reach: int
    mask: torch.Tensor

    def gather(self, states: torch.Tensor) -> torch.Tensor:
        """[T, groups·heads, d] → [groups, 1, heads·n, d]."""
        chosen = states[self.start + self.first : self.start + self.reach]
        count, _, width = chosen.shape
        rows = chosen.reshape(count, -1, self.heads, width).permute(1, 2, 0, 3)
        return rows.reshape(-1, 1, self.heads * count, width).contiguous()

    def scatter(self, target: torch.Tensor, rectangle: torch.Tensor) -> None:
        """The reverse of `gather`."""
        count, width = self.reach - self.first, rectangle.shape[-1]
        rows = rectangle.view(-1, self.heads, count, width).permute(2, 0, 1, 3)
        target[self.start + self.first : self.start + self.reach] = rows.reshape(count, -1, width)


@dataclass(frozen=True)
class _RowsPiece:
    """A block of rows as queries over the whole prefix and over themselves; `mask` as in `_PrefixPiece`."""

    heads: int
    block: Block
    reach: int
    mask: torch.Tensor

    def gather(self, states: torch.Tensor) -> torch.Tensor:
        return self.block.gather(states, self.heads)

    def scatter(self, target: torch.Tensor, rectangle: torch.Tensor) -> None:
        self.block.scatter(target, rectangle, self.heads)


_Piece = _PrefixPiece | _RowsPiece


def _pieces(section: Section, heads: int, window: int | None, device: torch.device) -> Iterator[_Piece]:
    if section.start is not None:
        step = math.ceil(section.length / math.ceil(section.length / _PREFIX_CHUNK))
        for first in range(0, section.length, step):
            last = min(section.length, first + step)
            mask = _mask(range(first, last), first, window, device)
            yield _PrefixPiece(heads, section.start, first, last, mask.repeat(heads, 1))
    for block in section.blocks:
        mask = _mask(range(section.length, section.length + block.width), section.length, window, device)
        yield _RowsPiece(heads, block, section.length, mask.repeat(heads, 1))


def _mask(places: range, seen: int, window: int | None, device: torch.device) -> torch.Tensor:
    """[places, last columns]: True where a token at a place must not attend. All `seen` keys are visible but to a window."""
    first = 0 if window is not None and places.stop > window else seen
    queries = torch.arange(places.start, places.stop, device=device).unsqueeze(1)
    keys = torch.arange(first, places.stop, device=device)
    hidden = keys > queries
    return hidden if window is None else hidden | (keys <= queries - window)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """The attention transformers calls: query [1, heads, T, d], key and value [1, groups, T, d] → [1, T, heads, d].

    Args:
        options: `packed_layout`, and `softcap` and `sliding_window` of models that have them.
    """
    layout: Layout | None = options.get("packed_layout")
    if layout is None:
        raise ValueError("packed attention was called without a layout")
    layer = int(getattr(module, "layer_idx", 0))
    states = [part[0].transpose(0, 1) for part in (query, key, value)]
    if layout.keep is not None:
        layout.keep[layer] = states[1], states[2]
    rule = ScoreRule(scaling, options.get("softcap"), options.get("sliding_window"))
    return _PackedAttention.apply(*states, layout, layer, rule).unsqueeze(0), None


def no_mask(*_: Any, **__: Any) -> None:
    """Make no mask: the layout says which tokens attend to which."""


AttentionInterface.register(PACKED, packed_attention)
AttentionMaskInterface.register(PACKED, no_mask)


@contextlib.contextmanager
def attending(model: PreTrainedModel, implementation: str) -> Iterator[None]:
    """The model with another attention, for the length of the block."""
    usual = model.config._attn_implementation
    model.set_attn_implementation(implementation)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)
