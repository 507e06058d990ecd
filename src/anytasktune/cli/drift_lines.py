"""Drift as people read it in a terminal, in English and Chinese."""

from collections.abc import Callable
from typing import Literal

from rich.console import Group, RenderableType
from rich.text import Text

from anytasktune.cli.tables import new_table
from anytasktune.schema.drift import DriftResult, FeatureDrift

_Texts = dict[str, dict[str, str]]
_WORDS: _Texts = {
    "en": {
        "input_length": "length of inputs (characters)",
        "confidence": "mean probability of the answer",
        "answers": "answers {label}",
        "unsure": "unsure answers",
        "unseen_words": "words that no training row has",
        "heading": "feature|task's rows|requests|shift|p|",
        "none": "as before",
        "moderate": "moderate",
        "large": "large",
        "counted": "{task}: {requests} of {read} requests count{left}; version {version}",
        "too_few_verdict": "Too few requests to tell: {fewest} are needed.",
        "none_verdict": "✓ No drift seen.",
        "watch_verdict": "! Watch it: some requests differ from the rows the task was made of. Look at them: {review}",
        "retrain_verdict": "! Requests differ much from the rows the task was made of. Add rows of their kind (from {review}), "
        "then train again: {tune}",
        "legend": "shift: population stability index beyond chance, moderate from 0.1, large from 0.25; p: permutation test, "
        "corrected over the features; a shift counts below p 0.05",
    },
    "zh": {
        "input_length": "输入长度（字符）",
        "confidence": "答案的平均概率",
        "answers": "答案“{label}”的比例",
        "unsure": "没有把握的比例",
        "unseen_words": "训练数据里没有的词",
        "heading": "特征|任务数据|请求|偏移|p|",
        "none": "如前",
        "moderate": "中等",
        "large": "很大",
        "counted": "{task}：{read} 个请求中计入 {requests} 个{left}；版本 {version}",
        "too_few_verdict": "请求太少，无法判断：至少要 {fewest} 个。",
        "none_verdict": "✓ 没有发现漂移。",
        "watch_verdict": "! 值得注意：部分请求与任务的数据不同。请看一看：{review}",
        "retrain_verdict": "! 请求与任务的数据相差很大。请补充这类数据（{review}），再重新训练：{tune}",
        "legend": "偏移：扣除偶然成分后的群体稳定性指数（PSI），0.1 起为中等，0.25 起为很大；"
        "p：置换检验，已对各特征校正，小于 0.05 才算",
    },
}


def drift_lines(result: DriftResult, command: Callable[..., str], language: Literal["en", "zh"] = "en") -> RenderableType:
    """Counts, a line per feature, and the verdict.

    Args:
        command: makes a command on the project of its words.
    """
    words = _WORDS[language]
    reasons = ", ".join(f"{count} {reason}" for reason, count in result.left_out.items())
    left = f" ({reasons})" if reasons else ""
    said = words["counted"].format(
        task=result.task, requests=result.requests, read=result.read, left=left, version=result.version
    )
    lines: list[RenderableType] = [Text(said, style="bold")]
    if result.features:
        table = new_table(*words["heading"].split("|"))
        for one in result.features:
            label = words[one.feature].format(label=one.label)
            table.add_row(
                label, _value(one, one.before), _value(one, one.now), f"{one.index:.2f}", f"{one.p_value:.3f}", words[one.size]
            )
        lines.append(table)
    commands = {"review": command("review", result.task), "tune": command("tune", result.task)}
    verdict = words[f"{result.verdict}_verdict"].format(fewest=result.fewest, **commands)
    lines.append(Text(verdict, style="yellow" if result.verdict in {"watch", "retrain"} else "bold"))
    lines += [Text(words["legend"], style="dim")] if result.features else []
    return Group(*lines)


def _value(one: FeatureDrift, value: float) -> str:
    if one.feature == "input_length":
        return f"{value:.0f}"
    return f"{value:.2f}" if one.feature == "confidence" else f"{value:.0%}"
