"""Numbers and addresses that lead to a person, and those that only look like it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune.text.personal_data import find_personal_data, passes_luhn


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to jane.doe+shop@mail.example.org, please", "email"),
        ("我的邮箱是wang_li@example.cn谢谢", "email"),
        ("手机13812345678，随时可以打", "phone"),
        ("电话 138 1234 5678", "phone"),
        ("座机010-62345678转8号", "phone"),
        ("客服热线400-123-4567", "phone"),
        ("call (212) 555-0147 after six", "phone"),
        ("call 212-555-0147", "phone"),
        ("ring 0161 496 0123", "phone"),
        ("ring 07700900123", "phone"),
        ("my number is +44 20 7946 0018", "phone"),
        ("身份证号11010519491231002X", "identity_number"),
        ("卡号6222 0200 0000 0000 000", "bank_card"),
        ("card 4111-1111-1111-1111 was charged", "bank_card"),
    ],
)
def test_what_leads_to_a_person_is_found_once(text: str, kind: str) -> None:
    (found,) = find_personal_data(text)
    assert found.kind == kind
    assert found.text in text


@pytest.mark.parametrize(
    "text",
    [
        "order 20240315-0042 of 15.03.2024 came to 1,299.00",
        "2024年3月15日14:30，房租3500元，押金10500元",
        "合同编号HT-2023-0815，第三十八条",
        "ext. 4, room 1203, flight CA1832, SKU 4006381333931x",
        "invoice 4111111111111112 is not a card",
        "@mentions and prices of 3 @ 4.50",
        "the deadline is 14 days; 2019-2021; 100-200-300",
        "身份证号110105********002X，手机138****5678",
    ],
)
def test_dates_sums_and_order_numbers_are_not(text: str) -> None:
    assert find_personal_data(text) == []


@given(st.integers(min_value=10**11, max_value=10**17))
def test_of_ten_last_digits_one_passes_the_card_check(body: int) -> None:
    assert sum(passes_luhn(f"{body}{digit}") for digit in range(10)) == 1


@pytest.mark.parametrize(
    "text", ["The Saltmarsh, 2012-2024. 60 rooms.", "Hotel 2012–2024. 60 Zimmer", "1998-2003 (12), 2004-2011 (8)"]
)
def test_a_span_of_years_before_another_number_is_no_phone(text: str) -> None:
    assert find_personal_data(text) == []
