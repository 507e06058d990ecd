"""The engine: one thread that answers the requests of all connections.

It alone computes. The rest of the server hands it questions and receives what comes of them. Between any two steps it takes the
questions that wait, as far as there is room, and drops those whose client has gone.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from anytasktune.models.prepacked import prepacked
from anytasktune.serving.answer_worker import AnswerWorker
from anytasktune.serving.api_errors import ApiError, require_room
from anytasktune.serving.engine_messages import PendingQuestion
from anytasktune.serving.served_models import ServedModels
from anytasktune.serving.server_metrics import ServerMetrics


class AnswerEngine:
    """Answers questions in a thread of its own.

    Attributes:
        most_waiting: questions that may wait; more are refused.
    """

    def __init__(
        self,
        models: ServedModels,
        metrics: ServerMetrics,
        *,
        most_waiting: int = 256,
        most_at_once: int = 64,
        on_fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.models = models
        self.metrics = metrics
        self.on_end: Callable[[], None] = lambda: None
        self.most_waiting = most_waiting
        self._most_at_once = most_at_once
        self._note = on_fault
        self._waiting: deque[PendingQuestion] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="answer-engine", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    @property
    def is_ready(self) -> bool:
        """Whether questions are answered now."""
        return self._thread.is_alive() and not self._closing

    @property
    def waiting(self) -> int:
        """Number of questions that wait."""
        return len(self._waiting)

    def submit(self, asked: Sequence[PendingQuestion]) -> None:
        """Queue questions, all or none.

        Raises:
            ApiError: too many are waiting (429), these alone are too many (400), or the engine is closing (503).
        """
        with self._changed:
            if not self.is_ready:
                raise ApiError(503, "the server is shutting down", kind="server_error", code="shutting_down")
            self._waiting = deque(pending for pending in self._waiting if not pending.cancelled)
            require_room(len(asked), len(self._waiting), self.most_waiting)
            self._waiting.extend(asked)
            self.metrics.waiting.set(len(self._waiting))
            self._changed.notify_all()

    def _run(self) -> None:
        with prepacked(self.models.base.model):
            self._answer_until_closed(AnswerWorker(self.models, self._most_at_once, self._on_fault))

    def _answer_until_closed(self, worker: AnswerWorker) -> None:
        while (asked := self._next_questions(worker)) or worker.running:
            start = time.monotonic()
            worker.step()
            if asked:
                worker.take(asked)
            self.metrics.running.set(worker.running)
            self.metrics.step_seconds.observe(time.monotonic() - start)

    def _on_fault(self, asked: Sequence[PendingQuestion], error: Exception) -> None:
        # the text of the error may hold words of a client
        self.metrics.faults.inc()
        self._note(f"{type(error).__name__} while {asked[0].question.model.name} answered")

    def _next_questions(self, worker: AnswerWorker) -> list[PendingQuestion]:
        """Pending questions that can be answered now, in their order; waits for some unless answers are being generated."""
        with self._changed:
            while True:
                self._waiting = deque(pending for pending in self._waiting if not pending.cancelled)
                if self._waiting or self._closing or worker.running:
                    break
                self._changed.wait()
            chosen: list[PendingQuestion] = []
            while self._waiting and worker.has_room(chosen, self._waiting[0]):
                chosen.append(self._waiting.popleft())
            self.metrics.waiting.set(len(self._waiting))
            if chosen:
                self.metrics.rows.observe(len(chosen))
            return chosen
