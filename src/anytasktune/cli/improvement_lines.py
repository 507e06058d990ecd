"""A plan against a fault, or what became of it, in English and Chinese."""

from typing import TYPE_CHECKING, Literal

from rich.console import Group, RenderableType
from rich.text import Text

from anytasktune.schema import Improvement

if TYPE_CHECKING:
    from anytasktune.pipeline import Workspace

_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "nothing": "✓ {task}: no fault occurs twice on dev; nothing to improve by more rows of a kind.",
        "found": "{task}: the most frequent fault on dev is {name}: {faults} of {dev_rows} rows (version {version})",
        "see": "1. Look at rows with this fault: {examples}",
        "fill": "2. Fill in about {wanted} new inputs and their answers: {rows}",
        "teacher": "Or let a teacher model write them: {teacher}",
        "made": "2. The teacher wrote rows against it, {teacher_kept} passed the gates{left_out}. Look at them: {review}",
        "add": "3. Add them: {add}",
        "again": "{step}. Train again and see whether they helped: {again}",
        "better": "✓ {task}: {name}: significantly fewer than before",
        "worse": "✗ {task}: {name}: significantly more than before",
        "inconclusive": "≈ {task}: {name}: not shown to be fewer than before",
        "counts": "wrong in {wrong_before} of {test_rows} test rows before, in {wrong_after} now; {mended} mended, "
        "{broken} broken, p {p_value:.3f}",
        "score": "{metric} on these rows: {score_before:.3f} before, {score_after:.3f} now",
        "promote": "To put the new version into production: {promote}",
    },
    "zh": {
        "nothing": "✓ {task}：开发集上没有出现两次以上的错误，不必补充某一类数据。",
        "found": "{task}：开发集上最常见的错误是{name}：{dev_rows} 条中有 {faults} 条（版本 {version}）",
        "see": "1. 看看出错的数据：{examples}",
        "fill": "2. 填写约 {wanted} 条新的输入和答案：{rows}",
        "teacher": "也可以让教师模型来写：{teacher}",
        "made": "2. 教师模型针对该错误写的数据中，{teacher_kept} 条通过了检查{left_out}。请审核：{review}",
        "add": "3. 导入：{add}",
        "again": "{step}. 重新训练，看是否有改善：{again}",
        "better": "✓ {task}：{name}：显著减少",
        "worse": "✗ {task}：{name}：显著增多",
        "inconclusive": "≈ {task}：{name}：没有证据表明减少",
        "counts": "测试集 {test_rows} 条中，以前错 {wrong_before} 条，现在错 {wrong_after} 条；"
        "改正 {mended} 条，新错 {broken} 条，p {p_value:.3f}",
        "score": "这些数据上的 {metric}：以前 {score_before:.3f}，现在 {score_after:.3f}",
        "promote": "把新版本上线的版本：{promote}",
    },
}


def improvement_lines(
    task: str, found: Improvement | None, workspace: "Workspace", language: Literal["en", "zh"] = "en"
) -> RenderableType:
    """The fault and what to do, or how it fares after training with new rows."""
    words = _WORDS[language]
    if found is None:
        return Text(words["nothing"].format(task=task))
    facts = found.model_dump() | {"name": found.name[language]}
    if found.status == "waiting":
        folder = workspace.project.improvements(task) / found.id
        rows = folder / "rows.csv"
        facts |= {"examples": folder / "examples.md", "rows": rows, "again": workspace.project.command("improve", task)}
        into = ("--split", "train") if found.split_by == "given" else ()
        facts |= {"add": workspace.project.command("import", rows, "--task", task, *into, "--append")}
        facts |= {"teacher": workspace.project.command("improve", task, "--teacher", "NAME")}
        facts |= {
            "review": workspace.project.command("review", task),
            "left_out": _left_out(found, language),
            "step": 3 if found.teacher_rows else 4,
        }
        names = ["found", "see", "made", "again"] if found.teacher_rows else ["found", "see", "fill", "teacher", "add", "again"]
        lines = [words[name].format(**facts) for name in names]
    else:
        facts |= {"promote": workspace.project.command("promote", task)}
        names = [str(found.verdict), "counts", "score", *(["promote"] if found.verdict != "worse" else [])]
        lines = [words[name].format(**facts) for name in names]
    first, *others = lines
    return Group(Text(first, style="bold"), *(Text(f"  {line}") for line in others))


def _left_out(found: Improvement, language: Literal["en", "zh"]) -> str:
    """The rows of a teacher that are not used, with their reasons."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in found.teacher_left_out.items())
    if not reasons:
        return ""
    return f" (left out: {reasons})" if language == "en" else f"（未用：{reasons}）"
