"""Every page: language, navigation, the command line, faults, texts in both languages."""

import html
import re
import tomllib
from pathlib import Path

import pytest
from tests.tiny_project import write_project
from tests.unit.studio.studio_client import open_client

from anytasktune.studio.page_frame import TEMPLATES, Studio, UnknownNameError
from anytasktune.studio.studio_words import WORDS, page_words

PAGES = sorted({path.name.rpartition("_")[0] for path in WORDS.glob("*.toml")})


@pytest.mark.parametrize("page", PAGES)
def test_the_texts_of_a_page_have_the_same_keys_and_places_in_both_languages(page: str) -> None:
    tables = [tomllib.loads((WORDS / f"{page}_{language}.toml").read_text(encoding="utf-8")) for language in ("en", "zh")]
    english, chinese = tables
    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert places(text) == places(chinese[key]), key
    if page != "frame":
        assert not english.keys() & tomllib.loads((WORDS / "frame_en.toml").read_text(encoding="utf-8")).keys()


def places(text: str | dict[str, str]) -> set[str]:
    """Names to be filled in."""
    texts = text.values() if isinstance(text, dict) else [text]
    return {name for each in texts for name in re.findall(r"{(\w+)", each)}


def test_no_template_holds_a_script_or_style_of_its_own() -> None:
    for template in TEMPLATES.glob("*.j2"):
        text = template.read_text(encoding="utf-8")
        assert not re.findall(r"<style|<script(?![^>]*src=)|\sstyle=|\son\w+=|\|\s*safe", text), template.name


def test_a_page_speaks_the_language_of_the_browser_until_another_is_chosen(tmp_path: Path) -> None:
    write_project(tmp_path / "law")
    client = open_client(tmp_path, "zh-CN,zh;q=0.9,en;q=0.8")
    page = client.get("/")
    assert '<html lang="zh-CN">' in page.text
    assert page_words("home", "zh").say("title") in page.text
    chosen = client.post("/language", data={"language": "en", "back": "/p/law/jobs?page=2"}, follow_redirects=False)
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/p/law/jobs?page=2")
    assert '<html lang="en">' in client.get("/").text


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
def test_the_choice_of_a_language_leads_to_no_other_site(tmp_path: Path, back: str) -> None:
    reply = open_client(tmp_path).post("/language", data={"language": "zh", "back": back}, follow_redirects=False)
    assert reply.headers["location"] == "/"


def test_projects_are_the_folder_itself_or_its_subfolders(tmp_path: Path) -> None:
    for name in ("law", "诊所"):
        write_project(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert list(Studio(tmp_path).projects()) == ["law", "诊所"]
    assert Studio(tmp_path / "law").projects() == {"law": tmp_path / "law"}
    with pytest.raises(UnknownNameError, match=r"\.\./law"):
        Studio(tmp_path / "law").workspace("../law")


def test_a_page_of_a_project_shows_the_command_that_does_the_same(tmp_path: Path) -> None:
    write_project(tmp_path / "诊所")
    page = open_client(tmp_path).get("/p/诊所/jobs")
    assert page.status_code == 200
    assert f"jobs list -p {tmp_path / '诊所'}" in html.unescape(page.text).replace('"', "")
    assert 'aria-current="page"' in page.text


def test_a_wrong_domain_file_is_a_page_that_names_the_line(tmp_path: Path) -> None:
    write_project(tmp_path / "law", domain="schema_version: 1\nname: law\ntasks:\n  - nome: team\n")
    page = open_client(tmp_path).get("/p/law/jobs")
    assert page.status_code == 422
    assert "domain.yaml:4" in page.text


@pytest.mark.parametrize(
    "path", ["/p/nothing/jobs", "/p/law/jobs/0123", "/nowhere", "/p/law/jobs/0123/events", "/p/..%2flaw/jobs"]
)
def test_an_address_that_leads_nowhere_is_a_page(tmp_path: Path, path: str) -> None:
    write_project(tmp_path / "law")
    page = open_client(tmp_path).get(path)
    assert page.status_code == 404
    assert "There is no such page" in page.text
