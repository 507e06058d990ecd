"""Consent to sending documents and rows to a host, and the local map of personal data to placeholders."""

from anytasktune.records import Artifact, Record


class Consent(Artifact):
    """One line of `consents.jsonl`: somebody agreed that a project's documents and rows go to a host."""

    host: str
    model: str
    """The model at the time; another one at this host is not asked about again."""
    masked: bool
    """Whether personal data is replaced before anything is sent."""


class PlaceholderLine(Record):
    """One line of `placeholders.jsonl`: a piece of personal data and what stands for it in requests."""

    placeholder: str
    text: str
