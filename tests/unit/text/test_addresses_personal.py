"""Postal addresses, by their form, and sentences that only look like one."""

import pytest

from anytasktune.text.personal_data import find_personal_data


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("我住在北京市朝阳区建国路88号，下午都在。", "北京市朝阳区建国路88号"),
        ("地址：浙江省杭州市西湖区文三路138号东方大厦5楼", "浙江省杭州市西湖区文三路138号东方大厦5楼"),
        ("被告人家住河南省周口市太康县城关镇王庄村3组12号。", "河南省周口市太康县城关镇王庄村3组12号"),
        ("请寄到上海市浦东新区张杨路500弄12号602室。", "上海市浦东新区张杨路500弄12号602室"),
        ("家在阳光小区3号楼2单元501室", "阳光小区3号楼2单元501室"),
        ("send it to 12 Maple Street, Springfield, IL 62704, please", "12 Maple Street, Springfield, IL 62704"),
        ("i live at 12 maple street and wait", "12 maple street"),
        ("at 221B Baker Street since May", "221B Baker Street"),
        ("to 45 Harbour Court, Leeds LS1 4AP today", "45 Harbour Court, Leeds LS1 4AP"),
        ("15 W 42nd Street, Apt 5B, New York, NY 10036", "15 W 42nd Street, Apt 5B, New York, NY 10036"),
        ("write to P.O. Box 1234", "P.O. Box 1234"),
    ],
)
def test_an_address_is_found_from_its_first_to_its_last_word(text: str, address: str) -> None:
    (found,) = find_personal_data(text)
    assert (found.kind, found.text) == ("postal_address", address)
    assert text[found.start : found.end] == address


@pytest.mark.parametrize(
    "text",
    [
        "我知道3号要开会，市里的人都知道5号放假",
        "坐地铁2号线到人民路站，再走两条街",
        "北京市第三中级人民法院（2019）京03民终1234号判决书",
        "国务院令第379号，浙江省杭州市",
        "据报道3号楼有人受伤",
        "He saw 2 Specialists Dr Lee and 9 Supreme Court rulings",
        "5 Star OriginKind to go, 50 Ways to leave, 3 Main Courses",
        "see 38 U.S.C.A. § 5103 and 38 C.F.R. § 3.159",
        "24 Hour Drive through, 7 Eleven on Main Street",
        "the road to 2030 is long",
    ],
)
def test_courts_lines_dates_and_laws_are_no_addresses(text: str) -> None:
    assert find_personal_data(text) == []


@pytest.mark.parametrize(
    "text", ["SSN 123-45-6789", "香港身份证A123456(7)", "身份证１１０１０５１９４９１２３１００２Ｘ".replace("Ｘ", "X")]
)
def test_identity_numbers_of_several_places_are_found(text: str) -> None:
    (found,) = find_personal_data(text)
    assert found.kind == "identity_number"
