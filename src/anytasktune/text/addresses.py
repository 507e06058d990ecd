"""Postal addresses in English, German and Chinese text, by their form: a road, village or estate and a number.

A town, a road without a number and the name of a building are no address. In English a number, a name and a word for a road
are needed; words that mean other things too ("court", "way", "Dr") need a flat, a town with a code, or words that announce
an address as well. In German a street and a number are needed, or any name and a number before a postal code and a town. In
Chinese a road, village or estate with a number is needed, and an administrative unit before it or the part of a building
behind it.
"""

import re
from collections.abc import Iterator

from anytasktune.text.scripts import HAN

_ROAD = "Street|Avenue|Road|Lane|Boulevard|Parkway|Highway|Terrace|Crescent|Gardens"
_UNCLEAR_ROAD = "St|Ave|Rd|Ln|Blvd|Pkwy|Hwy|Dr|Ct|Pl|Sq|Drive|Court|Place|Square|Way|Close|Circle|Trail|Row|Walk|Mews"
_START = r"(?<![\w.,$£€-])"
_HOUSE = r"\d{1,5}[A-Z]? "
_NAME = r"(?:[NSEW]\.? )?(?:[A-Z][A-Za-z'’-]+\.? |\d{1,3}(?:st|nd|rd|th) ){1,3}"
_FLAT = r"(?:,? ?(?:#|\b(?:Apt|Apartment|Unit|Suite|Ste|Flat|Floor|Room|Rm)\b\.? ?#?) ?[A-Za-z]?\d+[A-Za-z]?)"
_TOWN = r"(?:,? [A-Z][a-z'’]+(?: [A-Z][a-z'’]+){0,2})"
_CODE = r"(?:,? (?:[A-Z]{2},? \d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})(?!\w))"
_TOWN_WITH_CODE = rf"(?:{_TOWN}{{0,2}}{_CODE})"
_ANNOUNCED = (
    r"\b(?:(?:live[sd]?|living|resid(?:es?|ing)|located|moved?|moving|stay(?:s|ing)?) (?:at|to)|address(?: is|:| to)|"
    r"(?:ship|deliver|send|mail|post)(?:ed)?(?: (?:it|this|them|that|my \w+))? to) "
)
_ENGLISH = (
    re.compile(rf"{_START}(?P<address>{_HOUSE}{_NAME}(?:{_ROAD})\b\.?{_FLAT}?{_TOWN_WITH_CODE}?)"),
    re.compile(rf"{_START}(?P<address>{_HOUSE}{_NAME}(?:{_UNCLEAR_ROAD})\b\.?(?:{_FLAT}{_TOWN_WITH_CODE}?|{_TOWN_WITH_CODE}))"),
    re.compile(
        rf"{_ANNOUNCED}(?P<address>\d{{1,5}}[a-z]? (?:[a-z'’-]+ ){{1,3}}(?:{_ROAD}|{_UNCLEAR_ROAD})\b\.?"
        rf"{_FLAT}?(?-i:{_TOWN_WITH_CODE})?)",
        re.I,
    ),
    re.compile(r"\b(?P<address>P\.? ?O\.? Box \d{1,6})\b"),
)
_GERMAN_TOWN = r"(?:,? (?:[AD]-)?\d{4,5} [A-ZÄÖÜ][a-zäöüß]{2,30}(?:[ -][A-ZÄÖÜ][a-zäöüß]{2,30})?)"
_GERMAN_NUMBER = r" \d{1,4}(?: ?[a-h]\b)?(?![\d.,]\d)"
_GERMAN_NAME = "[A-ZÄÖÜ][a-zäöüß]{1,30}"
_GERMAN_ROAD = rf"{_GERMAN_NAME}(?:straße|strasse|str\.|gasse|weg|allee|platz|damm|ufer|chaussee)"
_GERMAN_ROAD_FIRST = r"(?:Straße|Strasse|Str\.|Gasse|Weg|Allee|Platz)(?: [a-z]{3})?(?: \w{1,20})?"
_GERMAN = (
    re.compile(
        rf"(?<!\w)(?P<address>(?:{_GERMAN_NAME}[ -]){{0,2}}(?:{_GERMAN_ROAD}|{_GERMAN_ROAD_FIRST})"
        rf"{_GERMAN_NUMBER}{_GERMAN_TOWN}?)"
    ),
    re.compile(
        rf"(?<!\w)(?P<address>{_GERMAN_NAME}\.?(?: (?:d[aeinmrs]{{1,2}} )?{_GERMAN_NAME}){{0,2}}{_GERMAN_NUMBER}"
        rf",? (?:[AD]-)?\d{{5}} {_GERMAN_NAME})"
    ),
)

_COUNT = "一二三四五六七八九十百"
_HOUSE_NUMBER = rf"(?:\d{{1,5}}|[{_COUNT}]{{1,5}})(?:[-—之]\d{{1,4}})?号(?!线|公路|高速|令|文|染|通知)"
_PART = (
    rf"(?:[ ,，]{{0,2}}(?:[{HAN}]{{2,6}}(?:小区|花园|公寓|大厦|家园|新村|苑)|"
    rf"(?:\d{{1,4}}|[A-Za-z{_COUNT}]{{1,3}})(?:号楼|号院|号|栋|幢|座|单元|楼|层|室|房|户)|[A-Za-z]?\d{{3,4}}(?!\d|[年元块万个人次米]|\.\d)))"
)
_WAY = r"(?:大道|大街|胡同|(?<![线电道思铁公马半一上网])路|(?<=[^\W\d_]{2}一)路(?=\d)|街|巷|弄|(?<![知报频渠通轨街难味管])道)"
_CHINESE = re.compile(
    rf"(?:{_WAY}(?:[东西南北中]?[{_COUNT}]?段)?(?:{_HOUSE_NUMBER}|\d{{1,5}}弄)|(?:村|屯|庄)(?:\d{{1,3}}|[{_COUNT}]{{1,3}})(?:组|队|社)(?:{_HOUSE_NUMBER})?|"
    rf"(?:村|屯|庄){_HOUSE_NUMBER}|(?:小区|花园|公寓|家园|新村|苑)(?:\d{{1,4}}|[A-Z{_COUNT}]{{1,3}})(?:号楼|栋|幢|座))"
    rf"(?P<parts>{_PART}{{0,5}})"
)
_RUN_BEFORE = re.compile(rf"[{HAN}]+$")
_UNIT = re.compile(r"自治[区州县]|特别行政区|[省市县旗镇乡]|街道|(?<!小)(?<!社)区")
_LONGEST_HEAD, _LONGEST_NAME = 32, 4
_LEAD_IN = re.compile(
    r".*(?:住址|地址|住所地?|户籍地?|居住于?|家住|[现租暂入]住|住|位于|坐落于?|[寄送来到搬]到|[寄送前]往|收货|快递|公司|租赁|承租|[在到至从是为])"
)


def find_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of every postal address in `text`; two of them may overlap."""
    if any(char.isdigit() for char in text):
        for pattern in (*_ENGLISH, *_GERMAN):
            yield from (match.span("address") for match in pattern.finditer(text))
    for match in _CHINESE.finditer(text):
        head = _RUN_BEFORE.search(text[max(0, match.start() - _LONGEST_HEAD) : match.start()])
        before = _LEAD_IN.sub("", head.group(), count=1) if head else ""  # what follows "家住", "地址是"
        unit = _UNIT.search(before)
        if before and (unit or match["parts"]):
            length = len(before) - max(0, unit.start() - _LONGEST_NAME) if unit else min(len(before), _LONGEST_NAME)
            yield match.start() - length, match.end()
