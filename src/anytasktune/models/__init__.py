"""Base models: a name → a local folder of safetensors. Importing this loads no tensor library."""

from anytasktune.models.resolve import ModelListing, is_cached, list_models, resolve_model

__all__ = ["ModelListing", "is_cached", "list_models", "resolve_model"]
