"""The studio without a mouse: every control is reached by Tab in the order of the page, focus is seen, dialogs give it back."""

from pathlib import Path
from typing import Any

from tests.made_project import made_rows, write_made
from tests.studio_browser.conftest import OpenStudio
from tests.tiny_project import write_project

PAGES = (
    "/",
    "/new",
    "/p/law",
    "/p/law/tasks/team",
    "/p/law/data",
    "/p/law/train",
    "/p/law/try",
    "/p/law/deploy",
    "/p/law/review",
)
_CONTROLS = """() => {
  const found = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter((one) => one.checkVisibility() && !one.disabled && one.type !== "hidden");
  found.forEach((one, number) => { one.dataset.number = number; });
  return found.filter((one) => one.type !== "radio" || one.checked).map((one) => one.dataset.number);
}"""
_FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const style = getComputedStyle(one), place = one.getBoundingClientRect();
  const isSeen = place.bottom > 0 && place.top < innerHeight && place.right > 0 && place.left < innerWidth;
  const isMarked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return { number: one.dataset.number, html: one.outerHTML.slice(0, 120), isSeen, isMarked };
}"""


def focused_in_order(page: Any) -> list[dict[str, Any]]:
    """What Tab focuses, from the top of the page to its end."""
    page.evaluate("document.activeElement?.blur()")
    found: list[dict[str, Any]] = []
    for _ in range(300):
        page.keyboard.press("Tab")
        now = page.evaluate(_FOCUSED)
        if now is None or (found and now["number"] == found[0]["number"]):  # past the end, or around to the top
            break
        found.append(now)
    return found


def test_tab_reaches_every_control_of_a_page_in_order_and_shows_where_it_is(tmp_path: Path, open_studio: OpenStudio) -> None:
    folder = write_project(tmp_path / "law")
    page = open_studio(folder)
    home = page.url.partition("/p/")[0].rstrip("/")
    for place in PAGES:
        page.goto(f"{home}{place}")
        wanted, reached = page.evaluate(_CONTROLS), focused_in_order(page)
        assert [one["number"] for one in reached if one["number"] is not None] == wanted, place
        assert not [one["html"] for one in reached if not (one["isSeen"] and one["isMarked"])], place


def test_a_page_is_opened_and_its_language_changed_by_keys(tmp_path: Path, open_studio: OpenStudio) -> None:
    folder = write_project(tmp_path / "law")
    page = open_studio(folder)
    page.goto(f"{page.url.partition('/p/')[0].rstrip('/')}/p/law")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null"), "the navigation is skipped"
    page.locator("nav a[href$='/data']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/data")
    page.locator(".language button").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("html[lang^=zh]")
    assert page.url.endswith("/data")


def test_the_help_of_the_review_keeps_focus_and_gives_it_back(tmp_path: Path, open_studio: OpenStudio) -> None:
    folder = write_project(tmp_path / "law")
    write_made(folder, made_rows(8), [])
    page = open_studio(folder)
    address = page.url.partition("/p/")[0].rstrip("/")
    page.context.add_cookies([{"name": "anytasktune_reviewer", "value": "anna", "url": address}])
    page.goto(f"{address}/p/law/review/team")
    page.wait_for_selector("article.candidate")
    page.locator("[data-key=u]").focus()
    page.keyboard.press("?")
    for _ in range(4):
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('#help[open]')")
        page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert page.locator("#help[open]").count() == 0
    assert page.evaluate("document.activeElement.dataset.key") == "u"
    page.keyboard.press("e")
    page.wait_for_selector("#edit:not([hidden])")
    page.keyboard.press("Escape")
    page.wait_for_selector("#edit", state="hidden")
    page.keyboard.press("a")
    page.wait_for_selector("#saved[data-state=saved]")
