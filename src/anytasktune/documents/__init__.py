"""Documents to passages: text that leads back to its page."""

from anytasktune.documents.formats import ENDINGS, READABLE
from anytasktune.documents.ingest import Ingested, ingest, read_document
from anytasktune.documents.sandbox import Limits

__all__ = ["ENDINGS", "READABLE", "Ingested", "Limits", "ingest", "read_document"]
