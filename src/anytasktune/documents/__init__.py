"""Documents to passages: text that leads back to its page."""

from anytasktune.documents.formats import ENDINGS, READABLE
from anytasktune.documents.ingest import Ingested, group_skipped, ingest, read_document
from anytasktune.documents.sandbox import Limits

__all__ = ["ENDINGS", "READABLE", "Ingested", "Limits", "group_skipped", "ingest", "read_document"]
