"""Enhancements: new rows made from rows there are, whose answers are verified, not assumed."""

from anytasktune.synthesis.enhancing.making import Enhanced, enhance

__all__ = ["Enhanced", "enhance"]
