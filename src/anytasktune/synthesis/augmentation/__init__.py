"""Augmentations: new rows made from rows there are, whose answers are verified, not assumed."""

from anytasktune.synthesis.augmentation.augment import Enhanced, enhance

__all__ = ["Enhanced", "enhance"]
