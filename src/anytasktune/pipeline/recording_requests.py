"""Requests of a server on their way into `use/`, and corrections of their answers."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from anytasktune.errors import StoreError
from anytasktune.ids import text_hash
from anytasktune.pipeline.correcting import add_correction, kept_request, now, without_personal_data
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Candidate, Correction, Origin, RecordedRequest, Task
from anytasktune.serving.api_errors import ApiError
from anytasktune.serving.engine_messages import Answered
from anytasktune.serving.request_feedback import FeedbackReply, FeedbackRequest
from anytasktune.settings import GateConfig
from anytasktune.store import append_line

RECENT_REQUESTS = 1000
"""Requests whose texts stay in memory, so that they can be corrected although they were not kept on disk."""


@dataclass(frozen=True)
class _Recent:
    """A request of the last ones, with its texts as they came."""

    task: Task
    line: RecordedRequest


@dataclass
class RequestRecorder:
    """Records the requests to Task-LMs of a project.

    Attributes:
        share: of all requests, whose texts are kept whatever the answer.
        note: receives a line when something cannot be written; the answer is sent all the same.
    """

    workspace: Workspace
    config: GateConfig
    share: float
    note: Callable[[str], None]
    _recent: "OrderedDict[str, _Recent]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, reply_id: str, place: int, answered: Answered) -> None:
        """Record an answer of a Task-LM; one that was drawn at random, or is the base model's, is passed over."""
        question = answered.question
        task, source, example = question.model.task, question.model.source, question.example
        if task is None or source is None or example is None or question.sampling is not None:
            return
        answer, threshold = answered.answer, source.manifest.thresholds.get(task.name)
        request = f"{reply_id}-{place}" if place else reply_id
        line = RecordedRequest(
            id=request,
            at=now(),
            version=source.manifest.run_id,
            language=task.language_of(example.language),
            characters=len(example.input),
            label=answer.output if task.output.single_choice else None,
            probability=answer.probability,
            unsure=threshold.is_unsure(answer.probability) if threshold else None,
            sampled=int(text_hash(f"sample {request}")[:8], 16) < self.share * 2**32,
            input=example.input,
            output=answer.output,
        )
        with self._lock:
            self._recent[request] = _Recent(task, line)
            while len(self._recent) > RECENT_REQUESTS:
                self._recent.popitem(last=False)
        try:
            append_line(self.workspace.project.requests(task.name), self._as_kept(task, line))
        except StoreError as error:
            self.note(f"a request was not recorded: {error.problems[0].what}")

    def correct(self, request: FeedbackRequest) -> FeedbackReply:
        """Keep the right answer to a request; see `RequestLog`."""
        identity = request.id.partition("cmpl-")[2] or request.id
        with self._lock:
            found = self._recent.get(identity)
        found = found or self._on_disk(identity)
        if found is None:
            message = (
                f"there is no request {request.id[:100]!r} whose texts are known; correct one of the last {RECENT_REQUESTS}"
            )
            raise ApiError(404, message, param="id", code="request_not_found")
        correction = Correction(
            at=now(),
            by="api",
            request=identity,
            version=found.line.version,
            language=found.line.language,
            input=found.line.input,
            output=request.answer,
            answered=found.line.output,
        )
        add_correction(self.workspace.project, found.task, correction, self.config)
        return FeedbackReply(id=request.id, task=found.task.name)

    def _as_kept(self, task: Task, line: RecordedRequest) -> RecordedRequest:
        """The line with its texts if they are to be kept, personal data replaced; else without."""
        masked = None
        if line.sampled or line.unsure:
            origin = Origin(kind="request")
            made = Candidate(input=line.input, output=line.output, language=line.language, origin=origin)
            masked = without_personal_data(task, made, self.config)
        texts = {"input": masked.input, "output": masked.output} if masked else {"input": "", "output": ""}
        return line.model_copy(update=texts)

    def _on_disk(self, identity: str) -> _Recent | None:
        for task in self.workspace.domain.tasks:
            if (line := kept_request(self.workspace.project, task, identity)) is not None:
                return _Recent(task, line)
        return None
