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

from anytasktune.models import kernels

PACKED = "anytasktune_packed"
_QUERY_CHUNK = 128
_ALONE_CHUNK = 320
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
        real, padding: which of the b·W are rows' own and which are padding; None if there is no padding.
        rows, width: b and W.
    """

    index: torch.Tensor
    real: torch.Tensor | None
    padding: torch.Tensor | None
    rows: int
    width: int

    def to(self, device: torch.device) -> "Block":
        real, padding = (None if places is None else places.to(device) for places in (self.real, self.padding))
        return Block(self.index.to(device), real, padding, self.rows, self.width)

    def columns(self, first: int, last: int) -> "Block":
        """Some columns of the rectangle."""
        index = self.index.view(self.rows, self.width)[:, first:last].flatten()
        found = torch.ones(self.rows * self.width, dtype=torch.bool, device=index.device)
        if self.padding is not None:
            found[self.padding] = False
        return _rectangle(index, found.view(self.rows, self.width)[:, first:last])

    def gather(self, states: torch.Tensor, heads: int, *, blank: bool = False) -> torch.Tensor:
        """[T, groups·heads, d] → [groups, b, heads·W, d]; padding is zero if `blank`."""
        flat = states.index_select(0, self.index)
        if blank and self.padding is not None:
            flat.index_fill_(0, self.padding, 0.0)
        chosen = flat.view(self.rows, self.width, -1, heads, states.shape[-1])
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
    _spans: dict[tuple[int, int | None], list[tuple[Section, list["_Span"]]]] = field(default_factory=dict)

    def to(self, device: torch.device) -> "Layout":
        """The same with its indices on a device."""
        moved = [replace(section, blocks=tuple(block.to(device) for block in section.blocks)) for section in self.sections]
        return Layout(tuple(moved), self.keep)

    def spans(self, heads: int, window: int | None, device: torch.device) -> "list[tuple[Section, list[_Span]]]":
        """The softmaxes of the stream; the same for all layers with this many query heads per group and this window."""
        if (heads, window) not in self._spans:
            found = [(section, _spans(section, heads, window, device)) for section in self.sections]
            self._spans[heads, window] = found
        return self._spans[heads, window]


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
    columns, ends = torch.arange(max(lengths)), torch.tensor(lengths).unsqueeze(1) - 1
    index = (torch.tensor(starts).unsqueeze(1) + torch.minimum(columns, ends)).flatten()
    return _rectangle(index, columns <= ends)


def _rectangle(index: torch.Tensor, real: torch.Tensor) -> Block:
    """A block of places [b·W], of which those where `real` [b, W] is true are rows' own."""
    rows, width = real.shape
    flat = real.flatten()
    if bool(flat.all()):
        return Block(index, None, None, rows, width)
    return Block(index, flat.nonzero().squeeze(1), (~flat).nonzero().squeeze(1), rows, width)


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


Parts = tuple[torch.Tensor | None, torch.Tensor]
"""Weights or scores of a prefix' keys [g, b·n, p], if there are any, and of own keys [g·b, n, m]."""


def _parts(joint: torch.Tensor, reach: int) -> Parts:
    """The parts of weights [g, b, n, p + m] side by side; views of them."""
    groups, batch, count, columns = joint.shape
    shared = joint.view(groups, batch * count, columns)[..., :reach] if reach else None
    return shared, joint.view(groups * batch, count, columns)[..., reach:]


def mixed(weights: torch.Tensor, prefix: torch.Tensor | None, own: torch.Tensor) -> torch.Tensor:
    """Weights [g, b, n, p + m] times prefix states [g, p, d] and own states [g, b, m, d]."""
    return _mixed(_parts(weights, 0 if prefix is None else prefix.shape[1]), prefix, own)


def _mixed(weights: Parts, prefix: torch.Tensor | None, own: torch.Tensor) -> torch.Tensor:
    groups, batch, _, width = own.shape
    result = torch.bmm(weights[1], own.reshape(groups * batch, -1, width))
    if prefix is not None:
        result.view(groups, -1, width).baddbmm_(weights[0], prefix)
    return result.view(groups, batch, -1, width)


def _separate(rows: torch.Tensor, prefix: torch.Tensor | None, own: torch.Tensor) -> Parts:
    """Products of rows [g, b, n, d] with a prefix' states and with own states, each in a place of its own."""
    groups, batch, count, width = rows.shape
    shared = None if prefix is None else torch.bmm(rows.view(groups, -1, width), prefix.transpose(1, 2))
    flat = own.reshape(groups * batch, -1, width).transpose(1, 2)
    return shared, torch.bmm(rows.view(groups * batch, count, width), flat)


@dataclass(frozen=True)
class _Softmax:
    """The softmax of a chunk of queries, by compiled kernels or by PyTorch."""

    chunk: "_Chunk"
    rule: ScoreRule
    fused: bool

    def weights(self, rows: torch.Tensor, keys: "States") -> tuple[Parts, list[torch.Tensor | None]]:
        """Weights of the keys, and what the backward pass needs to be given."""
        if self.fused:
            parts = _separate(rows, *keys)
            kernels.call("softmax", rows.dtype, *parts, *self._sizes(parts))
            return parts, list(parts)
        joint, capped = self.rule.softmax(products(rows, *keys), self.chunk.mask)
        return _parts(joint, 0 if keys[0] is None else keys[0].shape[1]), [joint, capped]

    def backward(self, grad: torch.Tensor, values: "States", saved: Sequence[Any]) -> tuple[Parts, Parts]:
        """Weights again, and gradients of scores; `grad` [g, b, n, d] is that of the result."""
        if self.fused:
            parts = _separate(grad, *values)
            weights = saved[0], saved[1]
            kernels.call("softmax_backward", grad.dtype, *weights, *parts, *self._sizes(parts))
            return weights, parts
        reach = 0 if values[0] is None else values[0].shape[1]
        of_scores = self.rule.softmax_backward(products(grad, *values), saved[0], saved[1])
        return _parts(saved[0], reach), _parts(of_scores, reach)

    def _sizes(self, parts: Parts) -> tuple[int, int, int, int]:
        """Rows, queries of a head, keys of the prefix, own keys."""
        shared, own = parts
        return own.shape[0] * own.shape[1], self.chunk.queries.width, 0 if shared is None else shared.shape[2], own.shape[2]


class _PackedAttention(torch.autograd.Function):
    """query [T, heads, d], key and value [T, groups, d] → [T, heads, d]."""

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: Layout, layer: int, rule: ScoreRule
    ) -> torch.Tensor:
        query, heads = query * rule.scaling, query.shape[1] // key.shape[1]
        output = torch.empty_like(query)
        saved: list[torch.Tensor | None] = []
        fused = rule.softcap is None and rule.window is None and kernels.runs(query)
        for section, spans in layout.spans(heads, rule.window, query.device):
            prefix = _prefix_states(section, spans, (key, value), layer)
            for span in spans:
                shared, own = _states(span, prefix, (key, value))
                for chunk in span.chunks:
                    keys, values = _seen(chunk, shared, own)
                    weights, needed = _Softmax(chunk, rule, fused).weights(chunk.queries.gather(query, heads), keys)
                    chunk.queries.scatter(output, _mixed(weights, *values), heads)
                    saved += needed
        ctx.save_for_backward(query, key, value, *saved)
        ctx.layout, ctx.layer, ctx.rule, ctx.fused = layout, layer, rule, fused
        return output

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, *saved = ctx.saved_tensors
        heads, rule = query.shape[1] // key.shape[1], ctx.rule
        of_query, of_key, of_value = (torch.empty_like(states) for states in (query, key, value))
        for section, spans in reversed(ctx.layout.spans(heads, rule.window, query.device)):
            prefix = _prefix_states(section, spans, (key, value), ctx.layer)
            of_prefix: StateGrads = [None, None]
            for span in reversed(spans):  # the rows before the prefix, whose gradient is complete after them
                shared, own = _states(span, prefix, (key, value))
                of_own: StateGrads = [None, None]
                for chunk in reversed(span.chunks):
                    keys, values = _seen(chunk, shared, own)
                    needed, saved = saved[-2:], saved[:-2]
                    rows, grad = chunk.queries.gather(query, heads), chunk.queries.gather(grads[0], heads, blank=True)
                    weights, of_scores = _Softmax(chunk, rule, ctx.fused).backward(grad, values, needed)
                    chunk.queries.scatter(of_query, _mixed(of_scores, *keys), heads)
                    _add_state_grads(((of_scores, rows), (weights, grad)), of_prefix, of_own)
                if span.carries:
                    _add_waiting(section, of_prefix, of_own, ctx.layer)
                for target, grad in zip((of_key, of_value), of_own, strict=True):
                    span.block.scatter(target, grad, 1)
            if section.start is None and of_prefix[0] is not None:
                section.kept_prefix().add_grads(ctx.layer, *of_prefix)
        return of_query.mul_(rule.scaling), of_key, of_value, None, None, None


Pair = tuple[torch.Tensor, torch.Tensor]
NoPair = tuple[None, None]
States = tuple[torch.Tensor | None, torch.Tensor]
"""Keys, or values, of a prefix [g, p, d] and own ones [g, b, m, d]."""
StateGrads = list[Any]
"""Gradients of keys and of values; None before the first is added."""


def _prefix_states(section: Section, spans: "Sequence[_Span]", states: Pair, layer: int) -> Pair | None:
    """Keys and values [groups, P, d] of a section's prefix; kept, if other streams will read them."""
    if not section.length:
        return None
    if section.start is None:
        return section.kept_prefix().states[layer]
    keys, values = (spans[0].block.gather(part, 1).squeeze(1) for part in states)
    if section.kept is not None:
        section.kept.states[layer] = keys, values
    return keys, values


def _states(span: "_Span", prefix: Pair | None, states: Pair) -> tuple[Pair | NoPair, Pair]:
    """Keys and values that a span's queries attend to: the prefix' [groups, P, d], the rows' own [groups, b, W, d]."""
    if span.carries and prefix is not None:
        return (None, None), (prefix[0].unsqueeze(1), prefix[1].unsqueeze(1))
    shared = (None, None) if prefix is None else prefix
    return shared, (span.block.gather(states[0], 1), span.block.gather(states[1], 1))


def _seen(chunk: "_Chunk", shared: Pair | NoPair, own: Pair) -> list[States]:
    """Shared and own keys, shared and own values of a chunk of queries."""
    return [(whole, part[:, :, : chunk.last]) for whole, part in zip(shared, own, strict=True)]


def _add_state_grads(
    products: tuple[tuple[Parts, torch.Tensor], tuple[Parts, torch.Tensor]], of_prefix: StateGrads, of_own: StateGrads
) -> None:
    """Add the gradients of keys and values; each of `products` is weights, and what they weigh [g, b, n, d]."""
    for which, ((shared, own), right) in enumerate(products):
        groups, batch, count, width = right.shape
        # the narrow matrix is the one that is transposed: transposing the wide one would copy it
        if shared is not None:  # summed over all rows
            summed = torch.bmm(right.view(groups, -1, width).transpose(1, 2), shared).transpose(1, 2)
            of_prefix[which] = summed if of_prefix[which] is None else of_prefix[which].add_(summed)
        of_rows = torch.bmm(right.view(groups * batch, count, width).transpose(1, 2), own).transpose(1, 2)
        of_rows = of_rows.unflatten(0, (groups, batch))
        if of_own[which] is None:  # the last chunk, which comes first, has seen all
            of_own[which] = of_rows
        else:
            of_own[which][:, :, : of_rows.shape[2]] += of_rows


def _add_waiting(section: Section, of_prefix: StateGrads, of_own: StateGrads, layer: int) -> None:
    """Add to a prefix' gradients those from the rows after it, in this stream and in those that follow."""
    waiting = section.kept.grads.pop(layer, None) if section.kept is not None else None
    for which, grad in enumerate(of_own):
        for more in (of_prefix[which], None if waiting is None else waiting[which]):
            if more is not None:
                grad.add_(more.unsqueeze(1))


@dataclass(frozen=True)
class _Chunk:
    """Queries that are computed together: some columns of a rectangle, over its first `last` columns and what comes before it.

    Attributes:
        mask: [heads·n, columns] over the last columns, True where a token must not attend.
    """

    queries: Block
    last: int
    mask: torch.Tensor


@dataclass(frozen=True)
class _Span:
    """A rectangle of rows that see `reach` tokens of the prefix before them, or the prefix itself (`carries`)."""

    block: Block
    reach: int
    chunks: tuple[_Chunk, ...]
    carries: bool = False


def _spans(section: Section, heads: int, window: int | None, device: torch.device) -> list[_Span]:
    spans = []
    if section.start is not None:
        prefix = _block([section.start], [section.length]).to(device)
        spans.append(_Span(prefix, 0, _chunks(prefix, 0, heads, window, device), carries=True))
    for block in section.blocks:
        spans.append(_Span(block, section.length, _chunks(block, section.length, heads, window, device)))
    return spans


def _chunks(block: Block, reach: int, heads: int, window: int | None, device: torch.device) -> tuple[_Chunk, ...]:
    """A rectangle's queries, cut so that little of what no query may see is computed."""
    at_once = max(_QUERY_CHUNK, _ALONE_CHUNK // block.rows)  # products of too few queries are slow
    count = max(1, round(block.width / at_once))
    step = math.ceil(block.width / count)
    chunks = []
    for first in range(0, block.width, step):
        last = min(block.width, first + step)
        mask = _mask(range(reach + first, reach + last), reach + first, window, device)
        queries = block if count == 1 else block.columns(first, last)
        chunks.append(_Chunk(queries, last, mask.repeat(heads, 1)))
    return tuple(chunks)


def _mask(places: range, seen: int, window: int | None, device: torch.device) -> torch.Tensor:
    """[places, last columns]: True where a token at a place must not attend. All `seen` keys are visible but to a window."""
    first = 0 if window is not None and places.stop > window else seen
    queries = torch.arange(places.start, places.stop, device=device).unsqueeze(1)
    keys = torch.arange(first, places.stop, device=device)
    hidden = keys > queries
    return hidden if window is None else hidden | (keys <= queries - window)


def attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: Layout, layer: int, rule: ScoreRule
) -> torch.Tensor:
    """Attention over a stream: query [T, heads, d], key and value [T, groups, d] → [T, heads, d]."""
    if layout.keep is not None:
        layout.keep[layer] = key, value
    attended: torch.Tensor = _PackedAttention.apply(query, key, value, layout, layer, rule)
    return attended


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
    query, key, value = (part[0].transpose(0, 1) for part in (query, key, value))
    rule = ScoreRule(scaling, options.get("softcap"), options.get("sliding_window"))
    return attention(query, key, value, layout, layer, rule).unsqueeze(0), None


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
