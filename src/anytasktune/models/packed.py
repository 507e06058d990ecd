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
import weakref
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
_KNOWN = {"llama", "mistral", "qwen2", "qwen3", "smollm3", "gemma", "gemma2", "gemma3_text", "granite", "phi3", "olmo2"}
_PROBE_TOLERANCE = 0.03
_probed: "weakref.WeakKeyDictionary[PreTrainedModel, bool]" = weakref.WeakKeyDictionary()


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
        start: where the prefix lies in this stream; None if it is read from `kept`, or if there is none.
        kept: where its states are kept for other streams, or read from.
    """

    length: int
    start: int | None
    blocks: tuple[Block, ...]
    kept: KeptPrefix | None = None


@dataclass(frozen=True)
class Layout:
    """Who attends to whom in a stream.

    Attributes:
        keep: where keys and values [T, groups, d] of all tokens are left by layer, if somebody will go on from them.
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
class _Rule:
    """What a model does to its attention scores."""

    scaling: float
    softcap: float | None
    window: int | None


def _softmax(scores: torch.Tensor, rule: _Rule, piece: "_Piece") -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weights of scores [groups, b, n, keys], and the capped scores where the model caps them."""
    capped = None
    if rule.softcap is not None:
        capped = scores.div_(rule.softcap).tanh_().mul_(rule.softcap)
        scores = capped.clone()
    scores[..., -piece.mask.shape[-1] :].masked_fill_(piece.mask, -math.inf)
    return scores.softmax(dim=-1), capped


def _softmax_backward(grad: torch.Tensor, weights: torch.Tensor, capped: torch.Tensor | None, rule: _Rule) -> torch.Tensor:
    """Gradient of the scores."""
    scores = torch._softmax_backward_data(grad, weights, -1, weights.dtype)
    return scores if capped is None or rule.softcap is None else scores * (1 - (capped / rule.softcap).square())


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
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: Layout, layer: int, rule: _Rule
    ) -> torch.Tensor:
        query = query * rule.scaling
        output = torch.empty_like(query)
        saved: list[torch.Tensor | None] = []
        for section, pieces in layout.pieces(query.shape[1] // key.shape[1], rule.window, query.device):
            prefix = _prefix_states(section, (key, value), layer)
            for piece in pieces:
                keys, values = _seen(piece, prefix, (key, value))
                weights, capped = _softmax(products(piece.gather(query), *keys), rule, piece)
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
                of_scores = _softmax_backward(products(grad, *values), weights, capped, ctx.rule)
                piece.scatter(of_query, mixed(of_scores, *keys))
                _add_state_grads(piece, ((of_scores, rows), (weights, grad)), of_prefix, (of_key, of_value))
            if of_prefix is not None:
                _hand_back(section, of_prefix, (of_key, of_value), ctx.layer)
        return of_query.mul_(ctx.rule.scaling), of_key, of_value, None, None, None


Pair = tuple[torch.Tensor, torch.Tensor]


def _kept(section: Section) -> KeptPrefix:
    if section.kept is None:
        raise ValueError("a section that does not carry its prefix must be given its states")
    return section.kept


def _prefix_states(section: Section, states: Pair, layer: int) -> Pair | None:
    """Keys and values [groups, P, d] of a section's prefix; kept, if other streams will read them."""
    if not section.length:
        return None
    if section.start is None:
        return _kept(section).states[layer]
    where = slice(section.start, section.start + section.length)
    prefix = states[0][where].transpose(0, 1).contiguous(), states[1][where].transpose(0, 1).contiguous()
    if section.kept is not None:
        section.kept.states[layer] = prefix
    return prefix


def _seen(piece: "_Piece", prefix: Pair | None, states: Pair) -> list[tuple[torch.Tensor | None, torch.Tensor | None]]:
    """What a piece's queries look at, for keys and for values: the prefix' [groups, p, d], the rows' own [groups, b, W, d]."""
    shared = [None, None] if prefix is None else [part[:, : piece.reach] for part in prefix]
    own = [piece.block.gather(part, 1) if isinstance(piece, _RowsPiece) else None for part in states]
    return list(zip(shared, own, strict=True))


def _add_state_grads(piece: "_Piece", products: tuple[Pair, Pair], of_prefix: Pair | None, of_states: Pair) -> None:
    """Add the gradients of keys and values; each of `products` is (weights [g, b, n, keys], what they weigh [g, b, n, d])."""
    for which, (left, right) in enumerate(products):
        if of_prefix is not None:
            of_prefix[which][:, : piece.reach] += _summed(left, right, piece.reach)
        if isinstance(piece, _RowsPiece):
            piece.block.scatter(of_states[which], _summed_own(left, right, piece.reach), 1)


def _hand_back(section: Section, of_prefix: Pair, of_states: Pair, layer: int) -> None:
    """The gradients [groups, P, d] of a prefix go to its tokens in this stream, or wait for the stream that has them."""
    if section.start is None:
        _kept(section).add_grads(layer, *of_prefix)
        return
    waiting = section.kept.grads.pop(layer, None) if section.kept is not None else None
    for which, part in enumerate(of_prefix):
        total = part if waiting is None else part + waiting[which]
        of_states[which][section.start : section.start + section.length] = total.transpose(0, 1)


def _summed(left: torch.Tensor, right: torch.Tensor, reach: int) -> torch.Tensor:
    """The first `reach` columns of [g, b, n, keys] with [g, b, n, d] → [g, reach, d], summed over all rows."""
    groups, _, _, columns = left.shape
    # the narrow matrix is the one that is turned: turning the wide one would copy it
    narrow = right.view(groups, -1, right.shape[-1]).transpose(1, 2)
    return torch.bmm(narrow, left.view(groups, -1, columns)[..., :reach]).transpose(1, 2)


def _summed_own(left: torch.Tensor, right: torch.Tensor, reach: int) -> torch.Tensor:
    """The columns of [g, b, n, keys] after `reach` with [g, b, n, d] → [g, b, m, d]."""
    groups, batch, count, columns = left.shape
    narrow = right.view(groups * batch, count, -1).transpose(1, 2)
    flat = torch.bmm(narrow, left.view(groups * batch, count, columns)[..., reach:]).transpose(1, 2)
    return flat.unflatten(0, (groups, batch))


@dataclass(frozen=True)
class _PrefixPiece:
    """The prefix tokens from `first` to `reach` as queries over the first `reach` of them.

    Attributes:
        mask: [heads·n, columns] over the last columns, True where a token may not look.
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
    """[places, last columns]: True where a token at a place may not look. All `seen` keys are visible but to a window."""
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
    rule = _Rule(scaling, options.get("softcap"), options.get("sliding_window"))
    return _PackedAttention.apply(*states, layout, layer, rule).unsqueeze(0), None


def no_mask(*_: Any, **__: Any) -> None:
    """Tells transformers to make no mask: the attention knows who looks at whom."""


AttentionInterface.register(PACKED, packed_attention)
AttentionMaskInterface.register(PACKED, no_mask)


def packs_rows(model: PreTrainedModel) -> bool:
    """Whether streams give this model's own results: all its layers attend by softmax, to all earlier tokens or to a window.

    Architectures we know are answered from a list. Of others a small stream is computed both ways.
    """
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if not kinds <= {"full_attention", "sliding_attention"} or getattr(config, "is_encoder_decoder", False):
        return False
    if config.model_type in _KNOWN:
        return True
    if model not in _probed:
        _probed[model] = _probe(model)
    return _probed[model]


def whole_rows(model: str) -> str:
    """What a person is told of a model that `packs_rows` says no to."""
    return f"{model} has layers that cannot share a prompt's beginning: every row is computed whole, which is slower"


@torch.no_grad()
def _probe(model: PreTrainedModel) -> bool:
    """Compare two rows after a prefix with the same rows computed whole."""
    device = next(model.parameters()).device
    ids = torch.arange(1, 15, device=device) % model.config.get_text_config().vocab_size
    whole = [torch.cat([ids[:4], ids[4:8]]), torch.cat([ids[:4], ids[8:14]])]
    section = Section(4, 0, blocks_of([4, 8], [4, 6]))
    positions = torch.tensor([[*range(4), *range(4, 8), *range(4, 10)]], device=device)
    try:
        expected = torch.cat([model.base_model(row.unsqueeze(0), use_cache=False).last_hidden_state[0, 4:] for row in whole])
        with attending(model, PACKED):
            layout = Layout((section,)).to(device)
            output = model.base_model(ids.unsqueeze(0), position_ids=positions, use_cache=False, packed_layout=layout)
    except (TypeError, ValueError, RuntimeError, KeyError, AttributeError):
        return False
    found = output.last_hidden_state[0, 4:]
    return bool((found - expected).norm() < _PROBE_TOLERANCE * expected.norm())


@contextlib.contextmanager
def attending(model: PreTrainedModel, implementation: str) -> Iterator[None]:
    """The model with another attention, for the length of the block."""
    usual = model.config._attn_implementation
    model.set_attn_implementation(implementation)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)
