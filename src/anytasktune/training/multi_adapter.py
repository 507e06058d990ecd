"""Runs on one base model, one after the other or several at the same time.

The rows of several learners go through the model together; each has its own rate, clipping, step count, early stop and
checkpoints, so that each ends as it would have alone.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch

from anytasktune.models.load import BaseLM
from anytasktune.models.lora_stack import LoraStack, attached
from anytasktune.training.checkpoint import remove_checkpoints
from anytasktune.training.estimate import NOTHING
from anytasktune.training.free_memory import free_memory
from anytasktune.training.loop import Learner, LoopResult
from anytasktune.training.memory import Footprint, ShrinkingStep, plan_micro_batch_tokens
from anytasktune.training.presets import stream_tokens
from anytasktune.training.step import StepEngine
from anytasktune.training.streams import StepRows

_LOOK_EVERY = 0.5
"""Seconds between two looks at the losses of a GPU, which each look makes wait. On a CPU nothing waits."""


def learn(
    base: BaseLM, learners: Iterable[Learner], *, at_once: int = 1, say: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[Learner, LoopResult]]:
    """Train every learner to its end, up to `at_once` of them together; yields each as it ends, its folder still locked.

    Args:
        learners: runs that share `micro_batch_tokens` and `prompt_loss_weight`; taken one by one, as places become free.
        say: gets a line when something is done differently than planned.

    Raises:
        TrainingError: if a loss is no longer a number, or another process works in a learner's folder.
        StoreError: if a checkpoint or a log cannot be written.
    """
    waiting = iter(learners)
    active: list[tuple[Learner, contextlib.ExitStack]] = []
    with contextlib.ExitStack() as everything:
        while True:
            for learner in itertools.islice(waiting, at_once - len(active)):
                leaving = everything.enter_context(contextlib.ExitStack())
                leaving.enter_context(learner.working())
                active.append((learner, leaving))
            if not active:
                return
            if not any(learner.finished for learner, _ in active):
                learners = [learner for learner, _ in active]
                with attached(base.model, [learner.adapter for learner in learners]) as stack:
                    _Together(base, stack, learners, say).until_one_ends()
            for learner, leaving in [entry for entry in active if entry[0].finished]:
                yield learner, learner.end()
                remove_checkpoints(learner.folder)
                leaving.close()
            active = [entry for entry in active if not entry[0].finished]


def _fitting_tokens(base: BaseLM, learners: Sequence[Learner], say: Callable[[str], None]) -> int:
    """Tokens per stream: as many as set, or as the free memory takes.

    Raises:
        PreflightError: if not even one row at a time fits.
    """
    wanted = stream_tokens(learners[0].config, base.device.type)
    largest = sum((learner.largest_step() for learner in learners), NOTHING)
    rank = sum(learner.adapter.spec.rank for learner in learners)
    footprint = Footprint(base.info.shape, base.model.dtype.itemsize, rank, largest, max(map(Learner.longest_row, learners)))
    tokens = plan_micro_batch_tokens(wanted, footprint, free_memory(base.device))
    if tokens < wanted:
        say(f"little memory is free: micro_batch_tokens={tokens} instead of {wanted}, to the same result")
    return tokens


class _Together:
    """Learners whose rows go through the model together."""

    def __init__(self, base: BaseLM, stack: LoraStack, learners: Sequence[Learner], say: Callable[[str], None]) -> None:
        config = learners[0].config
        tokens = _fitting_tokens(base, learners, say)
        self.learners = learners
        self.engine = StepEngine(stack, max_tokens=tokens, prompt_weight=config.prompt_loss_weight)
        self.shrinking = ShrinkingStep(tokens, stack.forget, say)
        self.look_every = 0.0 if base.device.type == "cpu" else _LOOK_EVERY

    def until_one_ends(self) -> None:
        """Steps of all, until one of them has ended."""
        looked = time.monotonic()
        while not any(learner.finished for learner in self.learners):
            self._one_step()
            due = time.monotonic() - looked >= self.look_every
            for learner in self.learners:
                if due or learner.wants_dev_loss or learner.finished:
                    learner.look()
            if due:
                looked = time.monotonic()

    def _one_step(self) -> None:
        start = time.monotonic()
        tokens = [learner.next_tokens() for learner in self.learners]
        losses = self._computed(self.engine.loss_and_grad, [learner.next_part(slot) for slot, learner in self._places()])
        seconds = time.monotonic() - start
        for slot, learner in self._places():
            learner.make_step(losses[slot], seconds * tokens[slot] / sum(tokens))
        for slot, learner in self._places():
            if learner.wants_dev_loss:
                start = time.monotonic()
                loss = float(self._computed(self.engine.mean_losses, [learner.dev_part(slot)])[slot])
                learner.take_dev_loss(loss, time.monotonic() - start)

    def _places(self) -> list[tuple[int, Learner]]:
        return list(enumerate(self.learners))

    def _computed(self, compute: Callable[[list[StepRows]], torch.Tensor], rows: list[StepRows]) -> torch.Tensor:
        """What the engine computes over the rows, in smaller pieces if memory is refused."""

        def attempt(max_tokens: int) -> torch.Tensor:
            self.engine.cut_to(max_tokens)
            return compute(rows)

        return self.shrinking.run(attempt)
