"""Numbers on a running server, for Prometheus. Label values are names that the server knows, never text of a client."""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_ROWS = (1, 2, 4, 8, 16, 32, 64)


class ServerMetrics:
    """Counters and distributions of one server."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry, namespace="anytasktune")
        histogram = partial(Histogram, registry=self.registry, namespace="anytasktune")
        self.requests = counter("requests", "Replies by route and status", ["route", "status"])
        self.answers = counter("answers", "Answers by model", ["model"])
        self.tokens = counter("tokens", "Tokens of prompts and answers", ["kind"])
        self.faults = counter("engine_faults", "Faults of the engine")
        self.waiting = Gauge("waiting", "Questions that wait for the engine", registry=self.registry, namespace="anytasktune")
        self.running = Gauge("running", "Answers that are being generated", registry=self.registry, namespace="anytasktune")
        self.rows = histogram("taken_rows", "Questions taken up together", buckets=_ROWS)
        self.step_seconds = histogram("step_seconds", "Time of a step of the engine", buckets=_SECONDS)
        self.answer_seconds = histogram("answer_seconds", "Time from a question to its answer", buckets=_SECONDS)

    def text(self) -> bytes:
        """All numbers in Prometheus' text format."""
        return generate_latest(self.registry)
