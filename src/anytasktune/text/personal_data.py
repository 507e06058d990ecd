"""Traces of private persons in a text: e-mail addresses, phone numbers, identity and bank card numbers, postal addresses.

Only what has a form is found; names have none. Phone numbers are those of mainland China, North America and the United Kingdom,
and any written with a country code. Identity numbers are Chinese ones (GB 11643-1999: region, birth date, sequence, check
character), those of Hong Kong written with their check digit in brackets, and social security numbers of the United States
written in groups. Card numbers are 13 to 19 digits that pass the check of ISO/IEC 7812 (Luhn), so that order numbers rarely do.
For postal addresses see `addresses`. Full-width digits count as digits.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from anytasktune.text.addresses import find_addresses

PersonalKind = Literal["email", "phone", "identity_number", "bank_card", "postal_address"]

_EMAIL = re.compile(r"[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}", re.ASCII)
_IDENTITIES = (
    re.compile(r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"),
    re.compile(r"(?<![A-Za-z\d-])[A-Z]\d{6}[(（][\dA][)）]"),  # Hong Kong
    re.compile(r"(?<![A-Za-z\d-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![A-Za-z\d-])"),  # United States
)
_CARD = re.compile(r"(?<![\d-])[2-6](?:[ -]?\d){12,18}(?![\d-])")
_PHONES = (
    re.compile(r"(?<!\d)1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"),  # Chinese mobile
    re.compile(r"(?<![\d-])0\d{2,3}[-– ]\d{7,8}(?![\d-])"),  # Chinese fixed line
    re.compile(r"(?<![\d-])[48]00[- ]?\d{3}[- ]?\d{4}(?![\d-])"),  # Chinese service line
    re.compile(r"(?<![\d-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\d-])"),  # North America
    re.compile(r"(?<![\d-])(?<!\d )0\d{2,4} \d{3,4} ?\d{3,4}(?![\d-])"),  # United Kingdom, in groups
    re.compile(r"(?<![\d-])07\d{9}(?!\d)"),  # United Kingdom, mobile
    re.compile(r"(?<!\w)\+\d{1,3}(?:[ -]?\(?\d{1,4}\)?){2,5}(?!\d)"),  # with a country code
)
_FEWEST_PHONE_DIGITS, _FEWEST_CARD_DIGITS = 9, 13
_HALF_WIDTH = str.maketrans("０１２３４５６７８９＠．－＋", "0123456789@.-+")


@dataclass(frozen=True)
class PersonalData:
    """A piece of a text that leads to a person, as it stands there from character `start` on."""

    kind: PersonalKind
    text: str
    start: int

    @property
    def end(self) -> int:
        """One past its last character."""
        return self.start + len(self.text)


def find_personal_data(text: str) -> list[PersonalData]:
    """All traces of private persons in `text`, each place once, in the order e-mail, identity, card, phone, address."""
    found: list[PersonalData] = []
    for kind, start, end in _candidates(text.translate(_HALF_WIDTH)):
        if all(end <= other.start or start >= other.end for other in found):
            piece = text[start:end]
            found.append(PersonalData(kind, piece.strip(), start + len(piece) - len(piece.lstrip())))
    return found


def _candidates(text: str) -> Iterator[tuple[PersonalKind, int, int]]:
    for match in _EMAIL.finditer(text):
        yield "email", *match.span()
    for pattern in _IDENTITIES:
        for match in pattern.finditer(text):
            yield "identity_number", *match.span()
    for match in _CARD.finditer(text):
        if passes_luhn(match.group()):
            yield "bank_card", *match.span()
    for pattern in _PHONES:
        for match in pattern.finditer(text):
            if len(re.sub(r"\D", "", match.group())) >= _FEWEST_PHONE_DIGITS:
                yield "phone", *match.span()
    for start, end in find_addresses(text):
        yield "postal_address", start, end


def passes_luhn(number: str) -> bool:
    """Whether the digits of `number` (at least 13) end in the right check digit: every second one from the right is doubled."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(digits)]
    return len(digits) >= _FEWEST_CARD_DIGITS and sum(doubled) % 10 == 0
