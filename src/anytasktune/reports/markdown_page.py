"""A report as Markdown, for a repository or a merge request."""

import re

from anytasktune.records import Language
from anytasktune.reports.granularity_view import GranularityView
from anytasktune.reports.report_view import AnswerView, ReportView, SampleView, TaskView, view_report
from anytasktune.schema import Report
from anytasktune.text.plain_text import collapse_space


def render(report: Report, language: Language = "en") -> str:
    """The report in `language`, as GitHub-flavoured Markdown. Text from data stands in fences or is escaped."""
    view = view_report(report, language)
    blocks = [f"# {_inline(view.headline)}", *(_inline(line) for line in view.sublines), _facts(view, view.facts)]
    blocks += ["## " + view.words.say("label.overview"), _overview(view)]
    blocks += _granularity(view, view.granularity) if view.granularity else []
    for task in view.tasks:
        blocks += _task(view, task)
    blocks += ["## " + view.words.say("label.measured"), *view.method]
    blocks += ["## " + view.words.say("label.versions"), _facts(view, view.versions)]
    return "\n\n".join(blocks) + "\n"


def _overview(view: ReportView) -> str:
    say = view.words.say
    head = [say("label.task"), say("label.metric"), *(say(f"system.{system}") for system in view.systems)]
    head += [say(f"label.versus_{opponent}") for opponent in view.opponents]
    return _table(head, [_overview_row(view, task) for task in view.tasks])


def _overview_row(view: ReportView, task: TaskView) -> list[str]:
    none = view.words.say("label.none")
    cells = [task.title, task.metric_brief]
    for system in view.systems:
        result = task.result(system)
        cells.append(f"{result.score} [{result.interval}]" if result and result.whisker else none)
    for opponent in view.opponents:
        verdict = task.against(opponent)
        cells.append(f"{verdict.symbol} {verdict.word} {verdict.difference}" if verdict else none)
    return cells


def _granularity(view: ReportView, granularity: GranularityView) -> list[str]:
    say = view.words.say
    head = [say("label.task"), *(say(f"system.{system}") for system in granularity.systems), say("granularity.best")]
    table = _table(head, [[row.title, *row.scores, row.word] for row in granularity.rows])
    return ["## " + say("granularity.title"), granularity.summary, table, granularity.method]


def _task(view: ReportView, task: TaskView) -> list[str]:
    say, colon = view.words.say, view.words.say("label.colon")
    blocks = [f"## {_inline(task.title)}", f"**{task.metric}**{say('label.space')}{task.metric_line}", _facts(view, task.facts)]
    blocks.append(_systems(view, task))
    notes = [f"{entry.symbol} {entry.word}{colon}{entry.sentence}" for entry in task.comparisons]
    notes += [task.fixed_answer[1]] if task.fixed_answer else []
    notes += [f"{say('label.dev_loss')}{colon}{task.spark_words}"] if task.spark else []
    notes += [line for result in task.systems if (line := _broken(view, result.name, result.broken))]
    blocks.append(_bullets(notes))
    if task.remarks:
        blocks += [f"**{say('label.remarks')}**", _bullets(task.remarks)]
    if task.samples:
        blocks += [f"### {say('label.samples')}", view.samples_how]
        blocks += [block for number, sample in enumerate(task.samples, 1) for block in _sample(view, number, sample)]
    return [block for block in blocks if block]


def _systems(view: ReportView, task: TaskView) -> str:
    say = view.words.say
    names = ["system", "score", "interval", "well_formed", "scored", "seconds"]
    rows = [[entry.name, entry.score, entry.interval, entry.well_formed, entry.scored, entry.seconds] for entry in task.systems]
    if any(entry.rank_correlation for entry in task.systems):
        names.append("rank_correlation")
        for row, entry in zip(rows, task.systems, strict=True):
            row.append(entry.rank_correlation or say("label.none"))
    return _table([say(f"label.{name}") for name in names], rows)


def _broken(view: ReportView, name: str, broken: tuple[tuple[str, int], ...]) -> str:
    say = view.words.say
    counted = say("headline.list_joint").join(f"{rule} {say('label.times', count=count)}" for rule, count in broken)
    return f"{say('label.broken')} · {name}{say('label.colon')}{counted}" if counted else ""


def _sample(view: ReportView, number: int, sample: SampleView) -> list[str]:
    say = view.words.say
    blocks = [f"**{number}** · {sample.picked}", say("label.input"), _fenced(sample.input)]
    blocks += [say("label.reference"), _fenced(sample.reference)]
    for answer in sample.answers:
        blocks += _answer(answer)
    return blocks


def _answer(answer: AnswerView) -> list[str]:
    title = f"{answer.name} · {answer.mark}" if answer.mark else answer.name
    return [title] if answer.text is None else [title, _fenced(answer.text)]


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
