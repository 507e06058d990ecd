"""Gates: what a row or a data set must pass before it may teach."""

from anytasktune.quality.preflight import Preflight, Room, TokenView, preflight, view_tokens

__all__ = ["Preflight", "Room", "TokenView", "preflight", "view_tokens"]
