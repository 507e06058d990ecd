"""Documents to passages: text that can be walked back to its page."""

from anytasktune.ingest.ingesting import Ingested, ingest, read_document
from anytasktune.ingest.isolation import Limits
from anytasktune.ingest.kinds import ENDINGS, READABLE

__all__ = ["ENDINGS", "READABLE", "Ingested", "Limits", "ingest", "read_document"]
