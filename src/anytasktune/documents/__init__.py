"""Documents to passages: text that can be walked back to its page."""

from anytasktune.documents.file_kinds import ENDINGS, READABLE
from anytasktune.documents.ingest import Ingested, ingest, read_document
from anytasktune.documents.isolation import Limits

__all__ = ["ENDINGS", "READABLE", "Ingested", "Limits", "ingest", "read_document"]
