"""A report on disk: the record itself, and what people read as HTML and Markdown, in English and Chinese."""

import base64
import functools
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from anytasktune.records import Language
from anytasktune.reports.curve_plot import PLOT_HEIGHT, PLOT_WIDTH
from anytasktune.reports.curves_view import CurvesView
from anytasktune.reports.errors_view import ErrorsView
from anytasktune.reports.forgetting_view import ForgettingView
from anytasktune.reports.items_view import HTML_LANGUAGE, items_data
from anytasktune.reports.judge_view import JudgeView
from anytasktune.reports.matrix_view import MatrixView
from anytasktune.reports.overall_view import GranularityView
from anytasktune.reports.parity_view import ParityView
from anytasktune.reports.report_view import ReportView, SampleView, TaskView, view_report
from anytasktune.reports.report_words import TEMPLATES
from anytasktune.reports.router_view import RouterView
from anytasktune.reports.svg_plots import RELIABILITY_SIZE, SPARK_HEIGHT, SPARK_WIDTH
from anytasktune.reports.transfer_view import TransferView
from anytasktune.schema import Report, ReportItem
from anytasktune.store import atomic_folder, jsonl, write_atomic, write_record
from anytasktune.text.plain_text import collapse_space

ITEMS_FILE = "predictions.jsonl"


def write_report(report: Report, folder: Path, items: Sequence[ReportItem] = ()) -> None:
    """Write `report.json` and the files of `report_files` as a new `folder`.

    All or nothing; a folder that exists already holds this very report (its name is the report's id) and stays.

    Raises:
        StoreError: the folder cannot be written.
    """
    with atomic_folder(folder) as new:
        write_record(new / "report.json", report)
        for name, text in report_files(report, items).items():
            write_atomic(new / name, text)


def report_files(report: Report, items: Sequence[ReportItem]) -> dict[str, str]:
    """The files beside `report.json` by name: the pages in both languages, and every item as a line of JSON."""
    return {
        "report.md": render_markdown(report),
        "report.zh.md": render_markdown(report, "zh"),
        "report.html": render_html(report, items=items),
        "report.zh.html": render_html(report, "zh", items),
        ITEMS_FILE: jsonl(items),
    }


def render_html(report: Report, language: Language = "en", items: Sequence[ReportItem] = ()) -> str:
    """One HTML page that needs nothing else: no font, no request, and no script but its own.

    Everything that comes from data is escaped. A content security policy in the page forbids requests, and scripts other than
    the one for `items`, which it names by its hash.
    """
    view = view_report(report, language)
    script = (TEMPLATES / "items.js").read_text(encoding="utf-8") if items else ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _template("report.html.j2").render(
        view=view,
        say=view.words.say,
        lang=HTML_LANGUAGE[language],
        languages=HTML_LANGUAGE,
        spark_width=SPARK_WIDTH,
        spark_height=SPARK_HEIGHT,
        reliability_size=RELIABILITY_SIZE,
        curve_size=(PLOT_WIDTH, PLOT_HEIGHT),
        script=script,
        script_source=f"'sha256-{digest}'" if items else "'none'",
        items_data=items_data(report, items, view.words),
        items_file=ITEMS_FILE,
    )


@functools.cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def render_markdown(report: Report, language: Language = "en") -> str:
    """The report as GitHub-flavoured Markdown. Text from data stands in fences or is escaped."""
    view = view_report(report, language)
    blocks = [f"# {_inline(view.headline)}", _verdicts(view)]
    blocks += [_inline(line) for line in view.sublines] + [_facts(view, view.facts)]
    blocks += ["## " + view.words.say("label.overview"), _overview(view)]
    blocks += _granularity(view, view.granularity) if view.granularity else []
    blocks += ["## " + view.words.say("across.title")] if view.has_across_tasks else []
    blocks += _matrix(view, view.matrix) if view.matrix else []
    blocks += _forgetting(view, view.forgetting) if view.forgetting else []
    blocks += _parity(view, view.parity) if view.parity else []
    blocks += _transfer(view, view.transfer) if view.transfer else []
    blocks += _router(view, view.router) if view.router else []
    for task in view.tasks:
        blocks += _task(view, task)
    blocks += ["## " + view.words.say("label.measured"), *view.method]
    blocks += ["## " + view.words.say("label.versions"), _facts(view, view.versions)]
    return "\n\n".join(blocks) + "\n"


def _verdicts(view: ReportView) -> str:
    lines = []
    for task in view.tasks:
        lines.append(f"- **{_inline(task.title)}**{view.words.say('label.colon')}{_inline(task.verdict.outcome)}")
        lines += [f"  **→ {_inline(task.verdict.advice)}**"] if task.verdict.advice else []
    return "\n".join(lines)


def _overview(view: ReportView) -> str:
    say = view.words.say
    head = [say("label.task"), say("label.metric"), *(say(f"system.{system}") for system in view.systems)]
    rows = []
    for task in view.tasks:
        cells = [task.title, task.metric_brief]
        for found, verdict in zip(map(task.result, view.systems), map(task.against, view.systems), strict=True):
            cell = f"{found.score} [{found.interval}]" if found and found.whisker else say("label.none")
            cells.append(f"{cell} {verdict.symbol} {verdict.difference}" if verdict else cell)
        rows.append(cells)
    return _table(head, rows) + "\n\n" + say("label.overview_how")


def _granularity(view: ReportView, granularity: GranularityView) -> list[str]:
    say = view.words.say
    head = [say("label.task"), *(say(f"system.{system}") for system in granularity.systems), say("granularity.best")]
    table = _table(head, [[row.title, *row.scores, row.word] for row in granularity.rows])
    return ["## " + say("granularity.title"), granularity.summary, table, granularity.method]


def _matrix(view: ReportView, matrix: MatrixView) -> list[str]:
    say = view.words.say
    head = [say("matrix.model"), *(title for _, title in matrix.tasks)]
    rows = [
        [row.name, *(f"{cell.score} {cell.difference} {cell.symbol}".rstrip() for cell in row.cells)] for row in matrix.rows
    ]
    blocks = [
        "### " + say("matrix.title"),
        _bullets(matrix.advice),
        _table(head, rows),
        matrix.how,
    ]
    return [block for block in blocks if block]


def _forgetting(view: ReportView, forgetting: ForgettingView) -> list[str]:
    say = view.words.say
    names = ("forgetting.model", "forgetting.right", "forgetting.difference", "label.verdict")
    rows = [[say("forgetting.before"), forgetting.before, "", ""]]
    rows += [[row.name, row.right, row.difference, row.word] for row in forgetting.rows]
    table = _table([say(name) for name in names], rows)
    return ["### " + say("forgetting.title"), _bullets(forgetting.findings), table, forgetting.how]


def _parity(view: ReportView, parity: ParityView) -> list[str]:
    say = view.words.say
    head = [say("label.task"), say("label.system")]
    head += [say(f"parity.{name}") for name in ("english", "chinese", "difference")] + [
        say("label.verdict"),
        say("parity.script"),
    ]
    rows = [
        [row.title, row.system, row.english, row.chinese, row.difference, row.word, row.other_script] for row in parity.rows
    ]
    return ["### " + say("parity.title"), _bullets(parity.findings), _table(head, rows), parity.how]


def _transfer(view: ReportView, transfer: TransferView) -> list[str]:
    say = view.words.say
    names = ("trained_on", "rows", "english", "chinese")
    head = [say("label.task"), say("label.metric"), *(say(f"transfer.{name}") for name in names)]
    rows = []
    for row in transfer.rows:
        cells = [f"{cell.score} [{cell.interval}] {cell.difference}".rstrip() for cell in row.cells]
        rows.append([row.title, row.metric, row.trained_on, row.train_rows, *cells])
    return ["### " + say("transfer.title"), _bullets(transfer.findings), _table(head, rows), transfer.how]


def _router(view: ReportView, router: RouterView) -> list[str]:
    say = view.words.say
    head = [say("label.task"), say("router.inputs"), *router.columns, say("router.sent_head")]
    rows = [[row.title, str(row.inputs), *map(str, row.taken), row.sent] for row in router.confusion]
    blocks = ["### " + say("router.title"), _bullets(router.findings), _table(head, rows)]
    blocks.append(_table([say(f"router.curve_{name}") for name in ("sent", "right", "threshold")], [*map(list, router.curve)]))
    if router.gaps:
        names = ("label.task", "label.system", "label.metric", "router.named", "router.routed", "router.difference")
        gaps = [[gap.title, gap.system, gap.metric, gap.named, gap.routed, gap.difference] for gap in router.gaps]
        blocks.append(_table([say(name) for name in names], gaps))
    return [*blocks, router.how]


def _task(view: ReportView, task: TaskView) -> list[str]:
    say, colon = view.words.say, view.words.say("label.colon")
    blocks = [f"## {_inline(task.title)}", f"**{task.metric}**{say('label.space')}{task.metric_line}", _facts(view, task.facts)]
    blocks.append(_systems(view, task))
    blocks += [f"**{_inline(line)}**" for line in task.advice]
    notes = [f"≈ {task.detectable}"] if task.detectable else []
    notes += task.costs
    notes += [f"{say('label.dev_loss')}{colon}{task.spark_words}"] if task.spark else []
    for result in task.systems:
        if result.broken:
            counted = [f"{rule} {say('label.times', count=count)}" for rule, count in result.broken]
            notes.append(f"{say('label.broken')} · {result.name}{colon}{say('headline.list_joint').join(counted)}")
    blocks.append(_bullets(notes))
    blocks += _errors(view, task.errors) if task.errors else []
    if task.calibration:
        blocks += [f"### {say('calibration.title', name=task.calibration.name)}", _bullets(task.calibration.sentences)]
    blocks += _curves(view, task.curves) if task.curves else []
    blocks += _judged(view, task.judged) if task.judged else []
    if task.caveats:
        blocks += [f"**{say('label.caveats')}**", _bullets(task.caveats)]
    if task.samples:
        blocks += [f"### {say('label.samples')}", view.samples_how]
        blocks += [block for number, sample in enumerate(task.samples, 1) for block in _sample(view, number, sample)]
    return [block for block in blocks if block]


def _errors(view: ReportView, errors: ErrorsView) -> list[str]:
    say = view.words.say
    blocks = [f"### {say('errors.title', name=errors.name)}"]
    blocks.append(_bullets([f"{group.name} {say('label.times', count=group.count)}" for group in errors.groups]))
    blocks += [say("errors.more", count=errors.more_groups)] if errors.more_groups else []
    if errors.labels:
        head = [say(f"errors.{name}") for name in ("reference", "rows", "precision", "recall", "f1")]
        rows = [
            [label.label, str(label.rows), label.precision, label.recall, label.f1, *(str(cell.count) for cell in label.cells)]
            for label in errors.labels
        ]
        blocks.append(_table([*head, *errors.given], rows))
        blocks += [say("errors.how")] if errors.given else []
    return blocks


def _curves(view: ReportView, curves: CurvesView) -> list[str]:
    head = [view.words.say("curve.rows"), *curves.sizes, *([curves.doubled] if curves.doubled else [])]
    rows = []
    for row in curves.rows:
        cells = [f"{score} [{interval}]" for score, interval in zip(row.scores, row.intervals, strict=True)]
        rows.append([row.name, *cells, *([row.expected] if curves.doubled else [])])
    return [f"### {curves.title}", _inline(curves.about), _table(head, rows), _bullets(curves.sentences), _inline(curves.how)]


def _judged(view: ReportView, judged: JudgeView) -> list[str]:
    head = [view.words.say(f"judge.{name}") for name in ("system", "score", "own_mean", "judged", "human")]
    rows = [[row.name, f"{row.score} [{row.interval}]", row.own_mean, row.judged, row.human] for row in judged.rows]
    criteria = "\n".join(f"{number}. {_inline(text)}" for number, text in enumerate(judged.criteria, 1))
    audit = _bullets([f"! {sentence}" if is_warning else sentence for is_warning, sentence in judged.audit])
    return [f"### {_inline(judged.title)}", judged.about, criteria, _table(head, rows), audit]


def _systems(view: ReportView, task: TaskView) -> str:
    say = view.words.say
    head = [say("label.system"), say("label.score"), say("label.interval")]
    rows = [[entry.name, entry.score, entry.interval] for entry in task.systems]
    if task.comparisons:
        head += [task.minus, say("label.interval"), task.p_head]
        found = [task.against(entry.system) for entry in task.systems]
        differences = [
            [f"{one.symbol} {one.difference}", one.interval, one.p_value] if one else [say("label.none")] * 3 for one in found
        ]
        rows = [[*row, *cells] for row, cells in zip(rows, differences, strict=True)]
    for name in ("well_formed", "scored", "seconds", "cost", "energy", "rank_correlation"):
        values = [getattr(entry, name) for entry in task.systems]
        if any(values):
            head.append(say(f"label.{name}"))
            rows = [[*row, value or say("label.none")] for row, value in zip(rows, values, strict=True)]
    return _table(head, rows)


def _sample(view: ReportView, number: int, sample: SampleView) -> list[str]:
    say = view.words.say
    blocks = [f"**{number}** · {sample.picked}", say("label.input"), _fenced(sample.input)]
    blocks += [say("label.reference"), _fenced(sample.reference)]
    for answer in sample.answers:
        blocks.append(f"{answer.name} · {answer.mark}" if answer.mark else answer.name)
        blocks += [] if answer.text is None else [_fenced(answer.text)]
    return blocks


def _facts(view: ReportView, facts: tuple[tuple[str, str], ...]) -> str:
    return _bullets([f"{name}{view.words.say('label.colon')}{value}" for name, value in facts])


def _bullets(lines: tuple[str, ...] | list[str]) -> str:
    return "\n".join(f"- {_inline(line)}" for line in lines)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_inline(cell) for cell in line) + " |" for line in lines)


def _inline(text: str) -> str:
    """`text` on one line, with everything escaped that Markdown or HTML could take for markup."""
    return re.sub(r"([\\`*<>|#\[\]!&]|(?<!\w)_|_(?!\w))", r"\\\1", collapse_space(text))


def _fenced(text: str) -> str:
    """`text` in a code fence longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"
