"""The verbs `judge` and `mark`: answers of a report marked by a rubric, by an LLM judge and by people."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anytasktune.cli.console import DONE, print_json, say
from anytasktune.cli.options import Json, Overrides, ProgressForm, ProjectFolder, Record, Replay, TaskNames, Yes, open_project
from anytasktune.cli.person_name import person_name
from anytasktune.cli.report_verbs import show_report
from anytasktune.errors import counted

if TYPE_CHECKING:
    from anytasktune.cli.terminal import PlainConsole
    from anytasktune.pipeline.marking import AnswerToMark, MarkingSession

_WORDS = {
    "en": {
        "criteria": "Mark each answer by these statements, 5 fully true to 1 not true; one digit each, e.g. {example}.",
        "keys": "s skips an answer, q ends. You are not told whose answer it is.",
        "input": "Input",
        "reference": "Reference",
        "answer": "Answer",
        "again": "Give {count} digits from 1 to 5, s or q.",
        "done": "{marked} marked, {left} left. Then: {command}",
    },
    "zh": {
        "criteria": "按下列各条给每个回答打分，5 完全符合，1 不符合；每条一个数字，例如 {example}。",
        "keys": "s 跳过，q 结束。不告诉你回答出自哪个系统。",
        "input": "输入",
        "reference": "参考答案",
        "answer": "回答",
        "again": "请输入 {count} 个 1 到 5 的数字，或 s、q。",
        "done": "已打分 {marked} 条，还剩 {left} 条。接着：{command}",
    },
}


def judge(
    tasks: TaskNames = None,
    report: Annotated[
        str | None, typer.Option("--report", help="Id of a report, or its beginning; default: the last one.")
    ] = None,
    model: Annotated[str | None, typer.Option("--judge", help="Model that marks. OPENAI_BASE_URL is its endpoint.")] = None,
    project: ProjectFolder = Path(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the cost; nothing is sent.")] = False,
    record: Record = None,
    replay: Replay = None,
    yes: Yes = False,
    overrides: Overrides = None,
    progress: ProgressForm = "text",
    as_json: Json = False,
) -> int:
    """Have an LLM judge mark the answers of a report to text tasks by their rubric, and test the judge itself."""
    workspace, settings = open_project(project, tasks, [*(overrides or []), *([f"teacher.judge={model}"] if model else [])])
    from anytasktune.cli.consent_question import agreement
    from anytasktune.cli.progress import reporter
    from anytasktune.pipeline.judging import JudgeOptions, forecast_judging
    from anytasktune.pipeline.judging import judge as judge_report

    forecasts = forecast_judging(workspace, tasks or (), settings, report)
    if dry_run and as_json:
        print_json([{"task": one.task, "judge": one.judge, "answers": one.answers, "pairs": one.pairs} for one in forecasts])
        return DONE
    for one in forecasts if not as_json else ():
        asked = f"{counted(one.answers, 'answer')}, {one.repeated} of them also written twice, {counted(one.pairs, 'pair')}"
        say(f"{one.task}: {asked}, by {one.judge}")
        for name, expected in zip(("marks", "comparisons"), one.expected, strict=True):
            say(f"  {name}: {expected.in_words(settings.teacher)}")
    if dry_run:
        say("Nothing was sent (--dry-run).")
        return DONE
    with reporter(progress, workspace) as on_event:
        options = JudgeOptions(agreement(yes, on_event), record, replay)
        written = judge_report(workspace, tasks or (), settings, on_event, options, report)
    show_report(workspace, written, as_json)
    return DONE


def mark(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Text task with a rubric.")],
    reviewer: Annotated[
        str | None, typer.Option("--reviewer", help="Your name in files; default: user.name of git, or your account.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Most answers to show.")] = None,
    language: Annotated[
        Literal["en", "zh"] | None, typer.Option("--language", help="Language of the screen; default: the task's first.")
    ] = None,
    project: ProjectFolder = Path(),
    as_json: Json = False,
) -> int:
    """Mark answers of the last report by the task's rubric, blind to the system; LLM judges are checked against these marks."""
    workspace, _ = open_project(project, [task])
    from anytasktune.cli.terminal import PlainConsole
    from anytasktune.pipeline.marking import MarkingSession
    from anytasktune.pipeline.stored_judgements import text_tasks

    (chosen,) = text_tasks(workspace, [task])
    spoken = language or chosen.languages[0]
    session = MarkingSession.open(workspace, chosen, person_name(reviewer, workspace.project.root), limit)
    marked = _mark_all(session, spoken, PlainConsole(stderr=True))
    left = len(session.answers) - marked
    if as_json:
        print_json({"task": task, "reviewer": session.reviewer, "marked": marked, "left": left})
    else:
        say(_WORDS[spoken]["done"].format(marked=marked, left=left, command=workspace.project.command("judge", task)))
    return DONE


def _mark_all(session: "MarkingSession", language: Literal["en", "zh"], console: "PlainConsole") -> int:
    """Show answer after answer until the input ends; the number of answers marked."""
    words, criteria, marked = _WORDS[language], session.task.rubric_in(language), 0
    console.print(words["criteria"].format(example="".join("54321"[place % 5] for place in range(len(criteria)))))
    for number, criterion in enumerate(criteria, 1):
        console.print(f"  {number}. {criterion}", markup=False)
    console.print(words["keys"])
    for place, answer in enumerate(session.answers, 1):
        console.print(_shown(answer, f"{place}/{len(session.answers)}", words), markup=False)
        while True:
            console.print("> ", end="")
            line = sys.stdin.readline()
            said = line.strip().lower()
            if not line or said == "q":
                return marked
            digits = [int(one) for one in said if one in "12345"]
            if said == "s" or (len(digits) == len(criteria) and all(one in "12345 ,，" for one in said)):
                break
            console.print(words["again"].format(count=len(criteria)))
        if said != "s":
            session.keep(answer, digits)
            marked += 1
    return marked


def _shown(answer: "AnswerToMark", number: str, words: dict[str, str]) -> str:
    parts = {"input": answer.item.input, "reference": answer.item.reference, "answer": answer.output}
    return "\n".join([f"\n── {number}", *(f"{words[name]}:\n{text.strip()}\n" for name, text in parts.items())])
