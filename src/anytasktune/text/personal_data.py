"""Traces of private persons in a text: e-mail addresses, phone, identity and bank numbers, postal addresses.

Only what has a form is found; names have none. Phone numbers are those that `phonenumbers` holds valid in China, North
America, the United Kingdom, Germany or France, or with a country code; digits without any grouping need a word such as
"call" near them. Identity numbers are Chinese ones of 18 digits (GB 11643-1999) and 15, those of Hong Kong with their check
digit in brackets, social security numbers of the United States, national insurance numbers of the United Kingdom, and
numbers announced as those of a passport, an identity card, a driving licence or a taxpayer. Bank numbers are cards that pass
the check of ISO/IEC 7812 (Luhn) and IBANs that pass that of ISO 13616. For postal addresses see `addresses`. Full-width
digits and letters count as usual ones. Every repeat in a pattern has a bound, so that the time a text takes grows with its
length.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from phonenumbers import PhoneNumberMatcher

from anytasktune.text.addresses import find_addresses
from anytasktune.text.scripts import HAN

PersonalKind = Literal["email", "phone", "identity_number", "bank_card", "postal_address"]

_LOCAL = r"[A-Za-z0-9\u00c0-\u024f_.+'%-]{1,64}"
_DOMAIN = r"[A-Za-z0-9\u00c0-\u024f-]{1,63}"
_EMAILS = (
    re.compile(rf"{_LOCAL}@{_DOMAIN}(?:\.{_DOMAIN}){{0,6}}\.[A-Za-z]{{2,24}}"),
    re.compile(rf"[{HAN}A-Za-z0-9._-]{{1,20}}@[{HAN}A-Za-z0-9-]{{1,30}}\.(?:公司|中国|网络|网址|商城|cn|com|net)"),
    re.compile(
        rf"{_LOCAL} ?[(\[{{<] ?(?:at|@) ?[)\]}}>] ?{_DOMAIN}(?: ?(?:[(\[{{<] ?(?:dot|\.) ?[)\]}}>]|\.) ?{_DOMAIN}){{1,4}}", re.I
    ),
    re.compile(
        rf"\b[A-Za-z0-9._-]{{1,64}} at {_DOMAIN}(?: dot {_DOMAIN}){{0,3}} dot (?:com|org|net|edu|de|uk|cn|io|info)\b", re.I
    ),
)
_AT = re.compile(r"[ (\[{<]at[ )\]}>]", re.I)
_REGION = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_DAY = r"(?:0[1-9]|1[0-2])[ -]?(?:0[1-9]|[12]\d|3[01])"
_GROUP = r"(?<![A-Za-z\d-])"
_IDENTITIES = (
    re.compile(rf"(?<!\d)[1-9]\d{{5}}[ -]?(?:18|19|20)\d\d[ -]?{_DAY}[ -]?\d{{3}}[\dXx](?![\dA-Za-z])"),
    re.compile(rf"(?<![\d-]){_REGION}\d{{4}}[ -]?\d\d[ -]?{_DAY}[ -]?\d{{3}}(?![\dA-Za-z-])"),
    re.compile(_GROUP + r"[A-Z]\d{6}[(（][\dA][)）]"),  # Hong Kong
    re.compile(_GROUP + r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![A-Za-z\d-])"),  # United States
    re.compile(
        _GROUP + r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D](?![A-Za-z\d-])"
    ),  # United Kingdom
)
_NUMBER_WORD = r"(?:(?: ?(?:card|numbers?|no|nr|num|id|is|ist|lautet|are)\b\.?)|[ :#-]|号码|号|为|是|：|﹕|编|nummer){0,6}"
_ANNOUNCED = (
    re.compile(rf"(?:\bSSN|social security){_NUMBER_WORD}(?P<number>\d{{3}}[ -]?\d\d[ -]?\d{{4}})(?![\dA-Za-z])", re.I),
    re.compile(
        r"(?:passport|护照|通行证|reisepass|personalausweis|\bausweis|identity|身份证|driving licen[cs]e|driver'?s? licen[cs]e|"
        rf"führerschein|驾驶证|驾照|军官证){_NUMBER_WORD}(?P<number>(?=[A-Z]{{0,9}}\d)(?=(?:[A-Z]{{0,9}}\d){{4}})[A-Z\d]{{7,18}})"
        r"(?![A-Za-z\d*])",
        re.I,
    ),
    re.compile(
        rf"(?:steuer(?:liche)?[- ]?id\w{{0,20}}|steuernummer|\bidnr|taxpayer|\btax id|纳税人识别号){_NUMBER_WORD}"
        r"(?P<number>\d{2,3}[ /]?\d{3}[ /]?\d{3,5}(?: ?\d{3})?)(?!\d)",
        re.I,
    ),
)
_CARD = re.compile(r"(?<![\d+-])[2-6](?:[ -]?\d){12,18}(?![\d-])")
_IBAN = re.compile(r"(?<![A-Za-z\d])(?P<country>[A-Z]{2})\d\d(?: ?[A-Z\d]){11,30}")
_IBAN_LENGTHS = {
    **dict.fromkeys(("DE", "GB", "IE", "BG", "GE", "ME", "RS", "BH"), 22),
    **dict.fromkeys(("FR", "IT", "GR", "SM", "MC"), 27),
    **dict.fromkeys(("ES", "SE", "CZ", "RO", "SK", "SA", "AD"), 24),
    **dict.fromkeys(("NL", "DK", "FI"), 18),
    **dict.fromkeys(("PL", "HU", "CY", "LB"), 28),
    **dict.fromkeys(("CH", "HR", "LV", "LI"), 21),
    **dict.fromkeys(("AT", "LU", "EE", "LT"), 20),
    **{"PT": 25, "BE": 16, "NO": 15, "SI": 19, "IS": 26, "TR": 26, "UA": 29, "MT": 31, "AE": 23, "IL": 23},  # noqa: PIE800
}  # ISO 13616
_PHONES = (
    re.compile(r"(?<!\d)1[3-9]\d(?:[- ]?\d{4}){2}(?!\d)"),  # Chinese mobile
    re.compile(r"(?<![\d-])0\d{2,3}[-– ]\d{7,8}(?![\d-])"),  # Chinese fixed line
    re.compile(r"(?<![\d-])[48]00[- ]?\d{3}[- ]?\d{4}(?![\d-])"),  # Chinese service line
    re.compile(r"(?<![\d-])(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}(?![\d-])"),  # North America
    re.compile(r"(?<![\d-])(?<!\d )0\d{2,4} \d{3,4} ?\d{3,4}(?![\d-])"),  # United Kingdom, in groups
    re.compile(r"(?<![\d-])07\d{9}(?!\d)"),  # United Kingdom, mobile
    re.compile(r"(?<!\w)\+\d{1,3}(?:[ -]?\(?\d{1,4}\)?){2,5}(?!\d)"),  # with a country code
)
_PHONE_REGIONS = ("CN", "US", "GB", "DE", "FR")
_PHONE_RUN = re.compile(r"(?<![\w.])[+(（]{0,2}\d(?:[-–. ()（）/]{0,3}\d){6,19}(?![A-Za-z\d_]|[.,:]\d)", re.ASCII)
_NO_PHONE = re.compile(
    r"\d{2,6}[-–]\d{2,6}$|\d{4}-\d{4}-\d\d$|(?:19|20)\d\d([-./])[01]?\d\1[0-3]?\d(?!\d)|"
    r"(?:19|20)\d\d\.[01]?\d[-–](?:19|20)|(?:19|20)\d\d[-–](?:19|20)\d\d(?!\d)"
)  # a range, the code of a drug, a date, months, years
_PHONE_WORD = re.compile(
    r"\b(?:call|phone|telephone|tel|cell|mobile|ring|fax|text me|reach|handy|telefon|mobil|rufen|anrufen|whatsapp)|"
    "电话|手机|座机|热线|拨打|联系|致电|传真|微信",
    re.I,
)
_PHONE_WORD_WITHIN = 30
_FEWEST_PHONE_DIGITS, _FEWEST_CARD_DIGITS = 9, 13
_WIDE = "０１２３４５６７８９＠．－＋" + "".join(map(chr, [*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B)]))
_HALF_WIDTH = str.maketrans(_WIDE, "".join(chr(ord(char) - 0xFEE0) for char in _WIDE))


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
    """All traces of private persons in `text`, each place once, in the order e-mail, identity, bank, phone, address."""
    found: list[PersonalData] = []
    for kind, start, end in _candidates(text.translate(_HALF_WIDTH)):
        if all(end <= other.start or start >= other.end for other in found):
            piece = text[start:end]
            found.append(PersonalData(kind, piece.strip(), start + len(piece) - len(piece.lstrip())))
    return found


def _candidates(text: str) -> Iterator[tuple[PersonalKind, int, int]]:
    if "@" in text or _AT.search(text):
        yield from (("email", *match.span()) for pattern in _EMAILS for match in pattern.finditer(text))
    if any(char.isdigit() for char in text):
        yield from (("identity_number", *match.span()) for pattern in _IDENTITIES for match in pattern.finditer(text))
        yield from (("identity_number", *match.span("number")) for pattern in _ANNOUNCED for match in pattern.finditer(text))
        yield from (("bank_card", match.start(), end) for match in _IBAN.finditer(text) if (end := _iban_end(match)))
        yield from (("bank_card", *match.span()) for match in _CARD.finditer(text) if passes_luhn(match.group()))
        yield from (("phone", start, end) for start, end in _phones(text))
    yield from (("postal_address", start, end) for start, end in find_addresses(text))


def _phones(text: str) -> Iterator[tuple[int, int]]:
    for pattern in _PHONES:
        for match in pattern.finditer(text):
            if len(re.sub(r"\D", "", match.group())) >= _FEWEST_PHONE_DIGITS:
                yield match.span()
    for run in _PHONE_RUN.finditer(text):
        around = text[max(0, run.start() - _PHONE_WORD_WITHIN) : run.end() + _PHONE_WORD_WITHIN // 2]
        if _NO_PHONE.match(run.group()) or (run.group().isdigit() and not _PHONE_WORD.search(around)):
            continue
        for found in (found for region in _PHONE_REGIONS for found in PhoneNumberMatcher(run.group(), region)):
            if len(re.sub(r"\D", "", found.raw_string)) >= _FEWEST_PHONE_DIGITS:
                yield run.start() + found.start, run.start() + found.end


def _iban_end(match: re.Match[str]) -> int | None:
    """One past the last character of an IBAN whose length and check digits are right; None where they are not."""
    length = _IBAN_LENGTHS.get(match["country"])
    places = [place for place, char in enumerate(match.group()) if char != " "]
    if length is None or len(places) < length:
        return None
    number = "".join(match.group()[place] for place in places[:length])
    value = int("".join(str(int(char, 36)) for char in number[4:] + number[:4]))
    return match.start() + places[length - 1] + 1 if value % 97 == 1 else None


def passes_luhn(number: str) -> bool:
    """Whether the digits of `number` (at least 13) end in the right check digit: every second one from the right is doubled."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(digits)]
    return len(digits) >= _FEWEST_CARD_DIGITS and sum(doubled) % 10 == 0
