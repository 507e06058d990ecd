"""Base models: a name → a local folder of safetensors. Importing this loads no tensor library."""

from anytasktune.models.catalog import CatalogEntry
from anytasktune.models.resolve import is_cached, list_models, resolve_model

__all__ = ["CatalogEntry", "is_cached", "list_models", "resolve_model"]
