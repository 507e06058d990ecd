"""Invented personal data of valid form, and what models write around or instead of an answer."""

from collections.abc import Callable

from anytasktune.ids import text_hash
from anytasktune.records import Language

PERSONAL_KINDS = ("email", "phone", "identity_number", "bank_card", "postal_address")

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_CHARACTERS = "10X98765432"
_REGIONS = ("110105", "310104", "440305", "510107", "330106", "420111")
_NAMES = ("chen.wei", "li_na", "j.morris", "amelia-hart", "zhou1987", "tom.baker")
_HOSTS = ("example.com", "mail.example.org", "example.cn", "post.example.net")
_STREETS = ("Maple Street", "Birchwood Avenue", "Station Road", "Old Mill Lane", "Harbour View Terrace")
_TOWNS = (("Springfield", "IL", "62704"), ("Portland", "OR", "97205"), ("Dayton", "OH", "45402"))
_CITIES = ("浙江省杭州市西湖区", "北京市朝阳区", "四川省成都市武侯区", "广东省深圳市南山区", "上海市浦东新区")
_ROADS = ("文三路", "建国路", "锦绣大道", "科技南一街", "张杨路")


def personal_text(kind: str, language: Language, key: str) -> str:
    """A sentence with an invented phone number or the like that passes the checks of its form; the same for the same key."""
    value = _MAKERS[kind](language, key)
    name = {
        "email": ("My e-mail is {}.", "我的邮箱是{}。"),
        "phone": ("Call me on {}.", "我的电话是{}。"),
        "identity_number": ("My ID number is {}.", "身份证号{}。"),
        "bank_card": ("The card number is {}.", "卡号是{}。"),
        "postal_address": ("I live at {}.", "我住在{}。"),
    }[kind]
    return name[language == "zh"].format(value)


def _pick(choices: tuple[str, ...], key: str) -> str:
    return choices[int(text_hash(key)[:8], 16) % len(choices)]


def _digits(count: int, key: str) -> str:
    return str(int(text_hash(f"digits {key}")[:24], 16))[-count:].rjust(count, "7")


def _email(_: Language, key: str) -> str:
    return f"{_pick(_NAMES, key)}@{_pick(_HOSTS, key + 'h')}"


def _phone(language: Language, key: str) -> str:
    body = _digits(8, key)
    if language == "zh":
        start = _pick(("138", "159", "186", "177"), key)
        return _pick(
            (f"{start}{body}", f"{start} {body[:4]} {body[4:]}", f"{start}-{body[:4]}-{body[4:]}", f"021-{body}"), key + "f"
        )
    area, line = _pick(("212", "415", "617", "303"), key), f"555-{body[4:]}"
    return _pick(
        (f"({area}) {line}", f"{area}-{line}", f"+1 {area} {line}", f"+44 20 7946 {body[4:]}", f"07700 900{body[5:]}"),
        key + "f",
    )


def _identity_number(language: Language, key: str) -> str:
    if language == "en":
        area, group, serial = (1 + int(_digits(4, key + part)) % most for part, most in (("a", 600), ("g", 98), ("s", 9998)))
        return f"{area:03d}-{group:02d}-{serial:04d}"
    year, month, day = (
        1950 + int(_digits(2, key)) % 55,
        1 + int(_digits(2, key + "m")) % 12,
        1 + int(_digits(2, key + "d")) % 28,
    )
    body = f"{_pick(_REGIONS, key)}{year}{month:02d}{day:02d}{_digits(3, key + 'q')}"
    check = sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11
    return body + _CHECK_CHARACTERS[check]


def _bank_card(language: Language, key: str) -> str:
    body = ("622202" + _digits(12, key)) if language == "zh" else ("4539" + _digits(11, key))
    doubled = [sum(divmod(2 * int(digit), 10)) if place % 2 == 0 else int(digit) for place, digit in enumerate(reversed(body))]
    number = body + str(-sum(doubled) % 10)
    grouped = " ".join(number[start : start + 4] for start in range(0, len(number), 4))
    return _pick((number, grouped), key + "f")


def _postal_address(language: Language, key: str) -> str:
    number = 1 + int(_digits(3, key)) % 480
    if language == "zh":
        home = _pick(
            ("", f"{1 + number % 9}号楼{1 + number % 4}单元{101 + number % 600}室", f"{101 + number % 900}室"), key + "h"
        )
        return f"{_pick(_CITIES, key)}{_pick(_ROADS, key + 'r')}{number}号{home}"
    town, state, code = _TOWNS[number % len(_TOWNS)]
    return _pick((f"{number} {_pick(_STREETS, key)}", f"{number} {_pick(_STREETS, key)}, {town}, {state} {code}"), key + "f")


_MAKERS: dict[str, Callable[[Language, str], str]] = {
    "email": _email,
    "phone": _phone,
    "identity_number": _identity_number,
    "bank_card": _bank_card,
    "postal_address": _postal_address,
}

REFUSALS: dict[Language, tuple[str, ...]] = {
    "en": (
        "I'm sorry, but I can't assist with that request.",
        "As an AI language model, I do not have personal experiences.",
        "I cannot provide medical or legal advice.",
        "Unfortunately, I am unable to complete this task.",
        "I’m not able to help with that.",
        "Sorry, I can't generate that kind of text.",
    ),
    "zh": (
        "抱歉，我无法提供这方面的帮助。",
        "作为一个人工智能语言模型，我没有个人经历。",
        "对不起，我不能回答这个问题。",
        "很抱歉，作为AI助手，我无法完成您的请求。",
        "我是一个AI语言模型，不能给出诊断。",
        "非常抱歉，目前无法处理您的请求。",
    ),
}
INTRODUCTIONS: dict[Language, tuple[str, ...]] = {
    "en": (
        "Here is the rewritten text: ",
        "Sure! Here's a new message: ",
        "Certainly, here is one example:\n",
        "Here's an example of what a customer might write: ",
        "Rewritten text: ",
        "Below is a realistic input for this task:\n\n",
    ),
    "zh": (
        "以下是改写后的文本：",
        "好的，以下是一个新的例子：",
        "改写后的文本：",
        "当然可以！下面是符合要求的内容：\n",
        "好的，下面是一条模拟的输入：",
        "修改后：",
    ),
}
BLANKS: dict[Language, tuple[str, ...]] = {
    "en": ("[Name]", "[Your Name]", "[Company Name]", "[insert date]", "{{customer_name}}", "<insert amount>"),
    "zh": ("[姓名]", "【姓名】", "[您的姓名]", "【公司名称】", "[日期]", "{{客户姓名}}"),
}
