"""The forward passes of one optimiser step: rows of one or several adapters as streams of tokens.

A stream holds each section's prefix once and its rows one after the other, without padding (see `models.packed`). A section
that does not fit becomes a *chain*: its first stream carries the prefix, the others follow it. Models that cannot
pack get rectangles of whole rows instead. How a step is cut never changes its loss or gradient beyond rounding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from anytasktune.models.head import LabelChoices
from anytasktune.models.packed import KeptPrefix, Layout, Section, blocks_of
from anytasktune.training.batches import Branches, Row, RowSet

_MAX_PADDING = 0.25


@dataclass(frozen=True)
class StepRows:
    """The rows of a step that belong to one adapter.

    Attributes:
        slot: the adapter's place in the stack.
        rows: its rows.
        chosen: indices of those in the step.
    """

    slot: int
    rows: RowSet
    chosen: Sequence[int]


@dataclass(frozen=True)
class Stream:
    """One forward pass.

    Attributes:
        ids, positions: [1, T], or [b, W] without a layout.
        layout: which tokens attend to which; None for whole rows, one per line of `ids`.
        slots: [T] adapter of each token; None with a single adapter.
        needed: flat places whose hidden state predicts a trained token, ascending.
        predictors: [k] index in `needed` of the place that predicts a token.
        targets: [k] those tokens.
        weights: [k] shares in the loss of its adapter; they add up to 1 over all streams of a step.
        owners: [k] adapters.
        choices: the trained tokens that choose between labels, where the loss is one over labels.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    layout: Layout | None
    slots: torch.Tensor | None
    needed: torch.Tensor
    predictors: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    owners: torch.Tensor
    choices: LabelChoices | None = None


Chain = list[Stream]


@dataclass(frozen=True)
class _Group:
    """Rows of one adapter after one prefix."""

    slot: int
    prefix: list[int]
    rows: list[Row]
    scale: float
    """1 / sum of the token weights of the adapter's rows in this step."""
    branches: Branches | None = None

    @property
    def tokens(self) -> int:
        return len(self.prefix) + sum(row.read for row in self.rows)


@dataclass(frozen=True)
class StreamPlanner:
    """Cuts steps into streams.

    Attributes:
        max_tokens: most tokens in one stream; a prefix with its longest row may exceed it.
        prompt_weight: weight of a prompt token in the loss, where an answer token has 1 (arXiv 2401.13586).
        packed: False for models that need whole rows.
        adapters: adapters in the stack.
        label_share: of the loss over labels in the loss of a label; the rest is the loss over the vocabulary.
    """

    device: torch.device
    max_tokens: int
    prompt_weight: float = 0.0
    packed: bool = True
    adapters: int = 1
    label_share: float = 0.0

    def plan(self, parts: Sequence[StepRows]) -> Iterator[Chain]:
        """Chains that hold every row of `parts` once."""
        groups = [group for part in parts for group in self._groups(part)]
        if not self.packed:
            yield from (
                [_rectangle(self, group, rows)] for group in groups for rows in _cut_rectangles(group.rows, self.max_tokens)
            )
            return
        waiting: list[_Group] = []
        for group in groups:
            if group.tokens > self.max_tokens:
                yield self._chain(group)
                continue
            if sum(other.tokens for other in waiting) + group.tokens > self.max_tokens:
                yield [self._stream([(other, other.rows) for other in waiting])]
                waiting = []
            waiting.append(group)
        if waiting:
            yield [self._stream([(other, other.rows) for other in waiting])]

    def _groups(self, part: StepRows) -> list[_Group]:
        rows = [part.rows.rows[index] for index in part.chosen]
        answers = sum(row.targets for row in rows)
        prompts = sum(len(part.rows.prefixes[row.group]) + row.first_target - 1 for row in rows)
        scale = 1 / (answers + self.prompt_weight * prompts)
        numbers = sorted({row.group for row in rows})
        return [
            _Group(
                part.slot,
                part.rows.prefixes[number],
                [row for row in rows if row.group == number],
                scale,
                part.rows.branches.get(number) if self.label_share else None,
            )
            for number in numbers
        ]

    def _chain(self, group: _Group) -> Chain:
        kept = KeptPrefix() if group.prefix else None
        cuts: list[list[Row]] = [[]]
        tokens = len(group.prefix)
        for row in sorted(group.rows, key=lambda row: row.read):
            if cuts[-1] and tokens + row.read > self.max_tokens:
                cuts.append([])
                tokens = 0
            cuts[-1].append(row)
            tokens += row.read
        carrier, *followers = cuts
        chain = [self._stream([(group, carrier)], kept)]
        return chain + [self._stream([(group, rows)], kept, carries=False) for rows in followers]

    def _stream(
        self, parts: Sequence[tuple[_Group, list[Row]]], kept: KeptPrefix | None = None, *, carries: bool = True
    ) -> Stream:
        writer = _StreamWriter(self.prompt_weight, self.label_share)
        sections = tuple(writer.add(group, rows, kept, carries=carries) for group, rows in parts)
        return writer.stream(Layout(sections), self)


@dataclass
class _StreamWriter:
    """A stream being written."""

    prompt_weight: float
    label_share: float
    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    predictors: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    choices: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def add(self, group: _Group, rows: Sequence[Row], kept: KeptPrefix | None, *, carries: bool) -> Section:
        """Write the prefix of a group, if this stream carries it, and some of its rows."""
        start = len(self.ids) if carries and group.prefix else None
        if start is not None:
            self.tokens(group, group.prefix, 0)
            if self.prompt_weight:
                self._prefix_losses(group, start)
        starts = []
        for row in rows:
            starts.append(len(self.ids))
            self.tokens(group, row.suffix[: row.read], len(group.prefix))
            self.row_losses(group, row, starts[-1])
        return Section(len(group.prefix), start, blocks_of(starts, [row.read for row in rows]), kept)

    def tokens(self, group: _Group, tokens: list[int], position: int) -> None:
        self.ids += tokens
        self.positions += range(position, position + len(tokens))
        self.slots += [group.slot] * len(tokens)

    def row_losses(self, group: _Group, row: Row, start: int) -> None:
        first = 1 if self.prompt_weight else row.first_target
        for place in range(first, len(row.suffix)):
            weight = 1.0 if place >= row.first_target else self.prompt_weight
            if group.branches is not None and place >= row.first_target:
                if (tokens := group.branches.get(tuple(row.suffix[row.first_target : place]))) is not None:
                    self.choices[len(self.predictors)] = tokens
                else:  # the only token that continues a label: nothing is lost among labels
                    weight -= self.label_share
            self._loss(group, start + place - 1, row.suffix[place], weight)

    def _prefix_losses(self, group: _Group, start: int) -> None:
        """Losses of every row's prompt: on the shared tokens, once for all rows, and on its own first token."""
        for place in range(1, len(group.prefix)):
            self._loss(group, start + place - 1, group.prefix[place], self.prompt_weight * len(group.rows))
        for row in group.rows:
            self._loss(group, start + len(group.prefix) - 1, row.suffix[0], self.prompt_weight)

    def _loss(self, group: _Group, predictor: int, target: int, weight: float) -> None:
        self.predictors.append(predictor)
        self.targets.append(target)
        self.weights.append(weight * group.scale)
        self.owners.append(group.slot)

    def stream(self, layout: Layout, planner: StreamPlanner) -> Stream:
        """The finished stream on the planner's device."""
        device = planner.device
        needed, predictors = torch.unique(torch.tensor(self.predictors), return_inverse=True)
        return Stream(
            ids=torch.tensor([self.ids]).to(device),
            positions=torch.tensor([self.positions]).to(device),
            layout=layout.to(device),
            slots=torch.tensor(self.slots).to(device) if planner.adapters > 1 else None,
            needed=needed.to(device),
            predictors=predictors.to(device),
            targets=torch.tensor(self.targets).to(device),
            weights=torch.tensor(self.weights).to(device),
            owners=torch.tensor(self.owners).to(device),
            choices=self._label_choices(device) if self.choices else None,
        )

    def _label_choices(self, device: torch.device) -> LabelChoices:
        most = max(map(len, self.choices.values()))
        tokens = [[*found, *[-1] * (most - len(found))] for found in self.choices.values()]
        return LabelChoices(torch.tensor(list(self.choices)).to(device), torch.tensor(tokens).to(device), self.label_share)


def _rectangle(planner: StreamPlanner, group: _Group, rows: list[Row]) -> Stream:
    """Whole rows, padded on the right with token 0, which no real token sees."""
    width = max(row.read for row in rows)
    writer = _StreamWriter(planner.prompt_weight, planner.label_share)
    for number, row in enumerate(rows):
        writer.tokens(group, row.suffix[: row.read] + [0] * (width - row.read), 0)
        writer.row_losses(group, row, number * width)
    stream = writer.stream(Layout(()), planner)
    shape = (len(rows), width)
    return Stream(
        stream.ids.view(shape), stream.positions.view(shape), None, stream.slots,
        stream.needed, stream.predictors, stream.targets, stream.weights, stream.owners, stream.choices,
    )  # fmt: skip


def _cut_rectangles(rows: Sequence[Row], max_tokens: int) -> list[list[Row]]:
    """Rows of similar length, each rectangle at most `max_tokens` (one row may exceed it)."""
    parts: list[list[Row]] = []
    for row in sorted(rows, key=lambda row: row.read):
        width = row.read
        if parts:
            area = (len(parts[-1]) + 1) * width
            padding = area - width - sum(other.read for other in parts[-1])
            if area <= max_tokens and padding <= _MAX_PADDING * area:
                parts[-1].append(row)
                continue
        parts.append([row])
    return parts
