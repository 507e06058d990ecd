"""Redaction: no text that leaves this room holds an API key or a password, in whatever form a server echoes it.

Keys come back in error messages, cut, encoded, or broken over lines. So texts are compared by their letters and digits alone,
and every stretch that stands in a secret, or in a usual encoding of it, is replaced. Texts are redacted before they are cut.
"""

import base64
import functools
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MASK = "***"
_WINDOW = 8
"""Letters and digits in a row that give a secret away; shorter secrets are only replaced where they stand as they are."""
_LARGEST = 2**16
"""Characters of a text that are looked at; the rest is left out."""


@dataclass(frozen=True)
class Redactor:
    """Replaces secrets in texts.

    Attributes:
        secrets: what must not be shown.
    """

    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, secrets: Iterable[str]) -> "Redactor":
        """A redactor of those secrets that are not empty."""
        return cls(tuple(dict.fromkeys(secret for secret in secrets if secret.strip())))

    @functools.cached_property
    def _exact(self) -> tuple[str, ...]:
        forms = [form for secret in self.secrets for form in (secret, urllib.parse.quote(secret, safe=""))]
        return tuple(sorted(dict.fromkeys(forms), key=len, reverse=True))

    @functools.cached_property
    def _stretches(self) -> frozenset[str]:
        """All stretches of letters and digits that stand in a secret or an encoding of it."""
        compact = ["".join(filter(str.isalnum, form)).lower() for secret in self.secrets for form in _encodings(secret)]
        return frozenset(form[at : at + _WINDOW] for form in compact for at in range(len(form) - _WINDOW + 1))

    def __call__(self, text: str) -> str:
        """A message with every secret, and every longer piece of one, replaced."""
        if not self.secrets or not text:
            return text
        text = self.exact(text[:_LARGEST])
        places = [at for at, char in enumerate(text) if char.isalnum()]
        compact = "".join(text[at].lower() if text[at].isascii() else text[at] for at in places)
        spans: list[list[int]] = []
        for at in range(len(compact) - _WINDOW + 1):
            if compact[at : at + _WINDOW] in self._stretches:
                first, last = places[at], places[at + _WINDOW - 1] + 1
                if spans and first <= spans[-1][1]:
                    spans[-1][1] = last
                else:
                    spans.append([first, last])
        for first, last in reversed(spans):
            text = f"{text[:first]}{MASK}{text[last:]}"
        return text

    def exact(self, text: str) -> str:
        """`text` with the secrets replaced that stand in it as they are: for answers, which no chance likeness may change."""
        for form in self._exact:
            text = text.replace(form, MASK)
        return text

    def in_json(self, value: Any) -> Any:
        """Decoded JSON with `exact` applied to all its texts, keys included."""
        if not self.secrets:
            return value
        if isinstance(value, str):
            return self.exact(value)
        if isinstance(value, dict):
            return {self.exact(key): self.in_json(child) for key, child in value.items()}
        return [self.in_json(child) for child in value] if isinstance(value, list) else value


def _encodings(secret: str) -> Iterator[str]:
    """A secret plain, percent-encoded, with escapes of JSON, Python and HTML, in hexadecimal, and in Base64 at any offset."""
    yield secret
    for escape in ("{:02x}", "u{:04x}", "x{:02x}", "{}"):
        yield "".join(char if char.isalnum() else escape.format(ord(char)) for char in secret)
        yield "".join(escape.format(ord(char)) for char in secret)
    data = secret.encode("utf-8", "replace")
    yield urllib.parse.quote(secret, safe="")
    for offset in range(3):
        yield base64.b64encode(b"\0" * offset + data).decode()
