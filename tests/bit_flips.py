"""Damage as a bad disk or memory does it: one bit of a file is another one."""

from pathlib import Path


def flip_bit(path: Path, place: int) -> None:
    """Turn over one bit of a file, counted through all its bytes; any number names one."""
    content = bytearray(path.read_bytes())
    number = place % (8 * len(content))
    content[number // 8] ^= 1 << number % 8
    path.write_bytes(content)
