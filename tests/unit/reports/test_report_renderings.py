"""The renderings of one report."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console
from tests.unit.evaluation.report_builders import (
    CONFIG,
    LABELS,
    examples_of,
    full_report,
    number_task,
    report_on,
    task_with,
    wrong_after,
)

from anytasktune.evaluation.comparison import build_report
from anytasktune.records import Language
from anytasktune.reports.overall_view import sublines
from anytasktune.reports.pages import render_html, render_markdown, write_report
from anytasktune.reports.report_view import view_report
from anytasktune.reports.report_words import p_words, signed, words
from anytasktune.reports.svg_plots import Axis, axis_for, sparkline
from anytasktune.reports.terminal_report import render
from anytasktune.reports.verdict_words import headline
from anytasktune.schema import Report
from anytasktune.settings import System
from anytasktune.settings.systems import general_system
from anytasktune.store import read_record

LANGUAGES: tuple[Language, ...] = ("en", "zh")
EVIL = "<script>alert('x')</script><img src=http://evil.example/x.png onerror=1>"
VOID = {"meta", "link", "br", "img", "line", "circle", "polyline"}


class Page(HTMLParser):
    """All tags, attributes and text of a page; fails on tags that do not nest."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def printed(report: Report, language: Language = "en", width: int = 80) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(render(report, language))
    return capture.get()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_formed_and_sends_no_requests(language: Language) -> None:
    page = Page(render_html(full_report(), language))
    assert "script" not in page.tags
    assert not {"iframe", "object", "embed", "img", "form"} & set(page.tags)
    sources = [value for name, value in page.attributes if name in ("src", "href", "action", "srcset", "xlink:href")]
    assert all(value.startswith(("#", "data:,")) for value in sources)
    assert "url(" not in page.text
    assert "@import" not in page.text
    assert "//" not in " ".join(value for _, value in page.attributes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_text_of_rows_and_titles_never_becomes_markup(language: Language) -> None:
    source = render_html(full_report(title=EVIL, text=EVIL, wrong=EVIL), language)
    page = Page(source)
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert EVIL in page.text


def test_control_characters_of_a_row_do_not_reach_the_reader() -> None:
    report = full_report(wrong="red \x1b[31m\x00 and \u202e turned")
    for rendering in (render_html(report), render_markdown(report), printed(report)):
        assert not set("\x1b\x00\u202e") & set(rendering)


def test_the_page_shows_every_number_of_the_report() -> None:
    report = full_report()
    page = Page(render_html(report))
    for task in report.tasks:
        assert task.title in page.text
        for result in task.systems:
            assert result.score is not None
            assert f"{result.score.value:.3f}" in page.text
            assert f"{result.score.low:.2f}–{result.score.high:.2f}" in page.text
        for caveat in task.caveats:
            assert words("en").say(f"caveat.{caveat.code}", **caveat.values) in page.text
    assert (
        "Of 3 tasks: use the Task-LM for 1; prompt the base model with the instruction alone for 1; get more data for 1."
        in page.text
    )
    assert "2.13.0" in page.text


def test_the_chinese_page_speaks_chinese_throughout() -> None:
    source = render_html(full_report(), "zh")
    page = Page(source)
    assert '<html lang="zh-CN">' in source
    assert "3 项任务中，1 项使用 Task-LM；1 项只用指令提示基座模型即可；1 项需要更多数据。" in page.text
    assert "来信主题" in page.text
    assert "测试集共 90 条，只评了前 60 条。" in page.text
    assert "Only 20 test rows" not in page.text


def test_both_languages_have_the_same_texts_with_the_same_blanks() -> None:
    assert blanks_of("en") == blanks_of("zh")


def blanks_of(language: Language) -> dict[tuple[str, str], set[str]]:
    table = words(language).table
    return {
        (name, key): set(re.findall(r"\{(\w+)", str(entry)))
        for name, section in table.items()
        for key, entry in section.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_differences_to_the_tuned_system_are_columns_of_the_table(language: Language) -> None:
    report = full_report()
    say = words(language).say
    page, markdown, terminal = render_html(report, language), render_markdown(report, language), printed(report, language)
    for task, view in zip(report.tasks, view_report(report, language).tasks, strict=True):
        is_open = any(one.verdict == "inconclusive" for one in task.comparisons)
        assert (view.detectable != "") == is_open
        heads = [say("label.minus", name=say("system.tuned")), say("label.p_holm")]
        assert all(head in rendering for head in heads for rendering in (page, markdown, terminal))
        for one in task.comparisons:
            shown = view.against(one.against)
            assert shown is not None
            difference, interval = one.difference, shown.interval
            assert interval == f"{signed(difference.low, 2)}, {signed(difference.high, 2)}"
            row = rf"^\| {re.escape(say(f'system.{one.against}'))} \|.*\| {shown.symbol} {re.escape(shown.difference)} \| "
            cells = f"{interval} | {shown.p_value} |".replace("\u00a0", " ")
            assert re.search(row + re.escape(cells), markdown.replace("\\", ""), re.M)
            assert f"{shown.symbol} {shown.difference} [{interval}]" in terminal
            assert f"<small>{interval}</small>" in page


def test_p_values_of_a_single_task_are_not_called_corrected() -> None:
    report = full_report()
    single = report.model_copy(update={"tasks": report.tasks[:1]})
    assert "Holm)" in printed(report)
    assert "Holm)" not in printed(single)


def test_a_wider_terminal_shows_more_columns_of_the_table() -> None:
    labels = ["租金", "押金", "other"] * 20
    task = report_on(task_with(LABELS), examples_of(labels), {"base": ["x"] * 60, "tuned": labels})
    systems = [one.model_copy(update={"cost_per_1000": 0.3, "seconds_per_1000": 9.0}) for one in task.systems]
    report = build_report("d", "m", [task.model_copy(update={"systems": systems})], CONFIG, {}, "machine")
    heads = "Well formed", "Time / 1,000", "Cost / 1,000"
    for width, expected in ((80, ()), (100, heads[:1]), (140, heads)):
        shown = printed(report, width=width)
        assert tuple(head for head in heads if head in shown) == expected
        assert max(map(cell_len, shown.splitlines())) <= width
    partly = [systems[0].model_copy(update={"scored": 58, "unscored": 2}), *systems[1:]]
    report = build_report("d", "m", [task.model_copy(update={"systems": partly})], CONFIG, {}, "machine")
    assert "58 of 60" in printed(report)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_terminal_report_fits_80_columns(language: Language) -> None:
    lines = printed(full_report(), language).splitlines()
    assert max(cell_len(line) for line in lines) <= 80
    assert any("├" in line and "●" in line for line in lines)


def test_the_terminal_never_reads_titles_as_console_markup() -> None:
    assert "[red]Topic[/red]" in printed(full_report(title="[red]Topic[/red]"))
    assert "\x1b" not in printed(full_report(title="\x1b[31mTopic"))


def test_the_markdown_overview_has_a_row_per_task_and_as_many_cells_as_its_head() -> None:
    rendered = render_markdown(full_report(title="Rent | deposit"))
    tables = re.findall(r"(?:^\|.*\|\n)+", rendered, flags=re.M)
    overview = tables[0].splitlines()
    assert len(overview) == 2 + 3
    assert len(tables) == 1 + 3 + 1, "an overview, a table per task, a confusion matrix"
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1
    assert "Rent \\| deposit" in overview[2]
    assert "▲ +0.900" in overview[2]
    assert "≈ +0.032" in overview[3]
    assert "▼ −0" in overview[4]


def test_rows_in_markdown_are_in_fences_they_cannot_close() -> None:
    rendered = render_markdown(full_report(wrong="```\n# Not a heading\n<b>bold</b>"))
    assert "````text\n```\n# Not a heading\n<b>bold</b>\n````" in rendered


def test_an_answer_that_failed_is_shown_as_such() -> None:
    report = full_report()
    sample = report.tasks[0].samples[0].model_copy(update={"answers": {}, "values": {}})
    task = report.tasks[0].model_copy(update={"samples": [sample]})
    shown = report.model_copy(update={"tasks": [task]})
    assert "unscored: the system gave no answer" in render_html(shown)
    assert "unscored: the system gave no answer" in render_markdown(shown)


def test_a_long_input_is_cut_and_the_rest_counted() -> None:
    report = full_report(text="x" * 700)
    assert "more characters" in render_html(report)


@pytest.mark.parametrize("keep", [["base"], ["tuned"], ["base", "tuned"], ["few_shot", "tuned"]])
def test_a_report_of_fewer_systems_renders(keep: list[System]) -> None:
    references = ["2.0", "3.0", "5.5", "1.0"]
    answers: dict[System, list[str]] = {"base": ["2", "x", "3", ""], "few_shot": ["3"] * 4, "tuned": references}
    task = report_on(number_task(), examples_of(references), {system: answers[system] for system in keep})
    report = build_report("letters", "tiny", [task], CONFIG, {}, "here")
    for language in LANGUAGES:
        Page(render_html(report, language))
        assert render_markdown(report, language)
        assert printed(report, language)
    if keep in (["base"], ["tuned"]):
        assert headline(report, words("en")).startswith("Nothing was compared")


def rivalled(rivals: dict[System, list[str]]) -> Report:
    labels = ["租金", "押金", "other"] * 20
    answers = {"base": ["x"] * 60, "tuned": wrong_after(labels, 50, "x")} | rivals
    task = report_on(task_with(LABELS), examples_of(labels), answers)
    kept = [
        result.model_copy(update={"kept_at": "artifacts/baselines/topic/0a1b", "train_seconds": 2.0})
        if result.system == "linear"
        else result
        for result in task.systems
    ]
    return build_report("letters", "tiny", [task.model_copy(update={"systems": kept})], CONFIG, {}, "here")


@pytest.mark.parametrize(
    ("right", "said"), [(60, "The linear model is better"), (49, "Tuning is not shown to be better than the linear")]
)
def test_a_linear_model_that_is_not_beaten_is_offered(right: int, said: str) -> None:
    labels = ["租金", "押金", "other"] * 20
    report = rivalled({"linear": wrong_after(labels, right, "x"), "constant": ["other"] * 60})
    assert headline(report, words("en")) == ("Use the linear model." if right == 60 else "Get more data.")
    for rendering in (render_html(report), render_markdown(report), " ".join(printed(report).split())):
        assert said in rendering
        assert "2.0 s" in rendering
        assert "artifacts/baselines/topic/0a1b" in rendering
        assert "same answer" not in rendering.partition("Method")[0]
    assert "保存在 artifacts/baselines/topic/0a1b" in render_html(report, "zh")
    (view,) = view_report(report).tasks
    assert view.hardest is not None
    assert view.hardest.verdict == ("worse" if right == 60 else "inconclusive")


def test_beaten_baselines_are_not_offered() -> None:
    report = rivalled({"linear": ["x"] * 60, "nearest": ["x"] * 60, "constant": ["other"] * 60})
    assert headline(report, words("en")) == "Use the Task-LM."
    assert view_report(report).tasks[0].advice == ()
    assert sublines(report, words("en")) == [], "the table of a single task has every opponent"
    both = report.model_copy(update={"tasks": [*report.tasks, *report.tasks]})
    assert sublines(both, words("en")) == [
        "Against the untuned base: 2 better.",
        "Against the linear model: 2 better.",
        "Against the nearest training row: 2 better.",
        "Against a constant answer: 2 better.",
    ]


def test_headlines_state_what_to_use() -> None:
    report = full_report()
    won, undecided, lost = report.tasks

    def said(*tasks: object, language: Language = "en") -> str:
        return headline(report.model_copy(update={"tasks": list(tasks)}), words(language))

    assert said(won) == "Use the Task-LM."
    assert said(won, won) == "Use the Task-LM for both tasks."
    assert said(won, won, won) == "Use the Task-LM for all 3 tasks."
    assert said(lost) == "Prompt the base model with the instruction alone."
    assert said(undecided) == "Get more data."
    assert said(lost, undecided) == ("Of 2 tasks: prompt the base model with the instruction alone for 1; get more data for 1.")
    assert said(won, undecided, language="zh") == "2 项任务中，1 项使用 Task-LM；1 项需要更多数据。"
    assert sublines(report, words("en")) == [
        "Against the untuned base: 1 better, 1 worse, 1 inconclusive.",
        "Against the few-shot prompted base: 1 better, 1 worse, 1 inconclusive.",
    ]


def test_the_axis_of_an_error_ends_at_a_round_number_beyond_the_worst_interval() -> None:
    references = ["2.0", "3.0", "5.5", "1.0"] * 5
    task = report_on(number_task(), examples_of(references), {"base": ["4"] * 20})
    axis = axis_for(task)
    assert axis.low == 0
    assert axis.high >= max(result.score.high for result in task.systems if result.score)
    assert axis.ticks[-1] == axis.high


def test_places_on_an_axis_are_percentages() -> None:
    axis = Axis(0.0, 4.0, (0.0, 4.0))
    assert [axis.percent(value) for value in (0, 1, 4, 9)] == [0, 25, 100, 100]


def test_a_loss_curve_marks_its_lowest_point_and_needs_two() -> None:
    curve = sparkline([(10, 2.0), (20, 1.0), (30, 1.5), (40, float("nan"))])
    assert curve is not None
    assert (curve.step, curve.loss) == (20, 1.0)
    assert len(curve.points.split()) == 3
    assert sparkline([(10, 2.0)]) is None
    assert sparkline([(10, 2.0), (20, 2.0)]) is not None


def test_numbers_are_written_for_people() -> None:
    assert signed(-0.1234, 3) == "−0.123"
    assert signed(0.0001, 3) == "0.000"
    assert signed(-0.0001, 3) == "0.000"
    assert p_words(0.0005) == "<\u00a00.001"
    assert [words("en").duration(s) for s in (0.0204, 3.21, 48.3, 372, 3900)] == [
        "20 ms",
        "3.2 s",
        "48 s",
        "6 min 12 s",
        "1 h 5 min",
    ]


def test_a_report_is_written_whole_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    report = full_report()
    folder = tmp_path / "reports" / report.id
    write_report(report, folder)
    names = sorted(path.name for path in folder.iterdir())
    pages = ["report.html", "report.json", "report.md", "report.zh.html", "report.zh.md"]
    assert names == ["SHA256SUMS", "predictions.jsonl", *pages]
    assert read_record(folder / "report.json", Report) == report
    before = (folder / "report.html").stat().st_mtime_ns
    write_report(report, folder)
    assert (folder / "report.html").stat().st_mtime_ns == before


def test_names_of_general_models_are_harmless_and_fit_the_terminal() -> None:
    labels = ["租金", "押金", "other"] * 20
    names = [EVIL, "Qwen2.5-Coder-72B-Instruct-with-a-long-name-q4_k_m.gguf", "通用模型" * 12, "tuned {system} {0} %s"]
    systems = [general_system(name, few_shot=few_shot) for name in names for few_shot in (False, True)]
    answers: dict[System, list[str]] = dict.fromkeys(systems, labels) | {"tuned": labels}
    report = build_report("d", "m", [report_on(task_with(LABELS), examples_of(labels), answers)], CONFIG, {}, "machine")
    for language in LANGUAGES:
        page = Page(render_html(report, language))
        assert not {"script", "img"} & set(page.tags)
        assert "tuned {system} {0} %s" in page.text
        assert {"general", "general_few_shot"} <= {value for name, value in page.attributes if name == "class"}
        for width in (80, 100):
            assert max(map(cell_len, printed(report, language, width).splitlines())) <= width
        assert "├" in printed(report, language, 100)
