"""Documents to passages: text that can be walked back to its page."""

from anytasktune.ingest.ingesting import Ingested, ingest
from anytasktune.ingest.isolation import Limits

__all__ = ["Ingested", "Limits", "ingest"]
