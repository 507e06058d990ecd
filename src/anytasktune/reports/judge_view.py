"""Judge-scored results of a task, worded: a line per system, and what the audit says of the judge."""

from dataclasses import dataclass

from anytasktune.reports.report_words import Words, p_words, signed
from anytasktune.reports.svg_plots import Axis, Whisker, whisker
from anytasktune.schema.judgement import ENOUGH_HUMAN_MARKS, JudgedScores
from anytasktune.settings import System

_AXIS = Axis(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))


@dataclass(frozen=True)
class JudgeRow:
    """One system by the judge's marks."""

    system: System
    kind: str
    """Class of its colour."""
    name: str
    score: str
    interval: str
    own_mean: str
    judged: str
    human: str
    whisker: Whisker


@dataclass(frozen=True)
class JudgeView:
    """The judge-scored results of one task."""

    title: str
    about: str
    criteria: tuple[str, ...]
    rows: tuple[JudgeRow, ...]
    audit: tuple[tuple[bool, str], ...]
    """Sentences on the judge; the first value says whether it is a warning."""


def view_judged(judged: JudgedScores, texts: Words) -> JudgeView:
    """Word the results."""
    say, none = texts.say, texts.say("label.none")
    criteria = judged.criteria.get(texts.language) or next(iter(judged.criteria.values()))
    rows = [
        JudgeRow(
            system=one.system,
            kind=one.system.partition(":")[0],
            name=say(f"system.{one.system}"),
            score=f"{one.score.value:.3f}",
            interval=f"{one.score.low:.2f}–{one.score.high:.2f}",
            own_mean=f"{one.own_mean:.3f}",
            judged=str(one.judged) if not one.unjudged else say("label.of", part=one.judged, whole=one.judged + one.unjudged),
            human=str(one.human_marks) if one.correction != "none" else none,
            whisker=whisker(_AXIS, one.score),
        )
        for one in judged.systems
    ]
    return JudgeView(
        title=say("judge.title", judge=judged.judge),
        about=say("judge.about"),
        criteria=tuple(criteria),
        rows=tuple(rows),
        audit=tuple(_audit(judged, texts)),
    )


def _audit(judged: JudgedScores, texts: Words) -> list[tuple[bool, str]]:
    audit, say = judged.audit, texts.say
    found: list[tuple[bool, str]] = []
    corrections = {one.correction for one in judged.systems}
    if "none" in corrections:
        found.append((True, say("judge.few_marks", count=judged.human_marks, needed=ENOUGH_HUMAN_MARKS)))
    else:
        found.append((False, say("judge.corrected", count=judged.human_marks)))
    if "pooled" in corrections:
        names = [say(f"system.{one.system}") for one in judged.systems if one.correction == "pooled"]
        found.append((True, say("judge.pooled", systems=say("headline.list_joint").join(names))))
    if agreed := audit.agreement:
        values = {"answers": agreed.answers, "lenience": signed(agreed.lenience, 2)}
        if agreed.correlation is None or agreed.low is None or agreed.high is None:
            found.append((True, say("judge.no_agreement", **values)))
        else:
            bounds = {"low": signed(agreed.low, 2), "high": signed(agreed.high, 2), "rho": signed(agreed.correlation, 2)}
            found.append((agreed.low <= 0, say("judge.agreement", **values, **bounds)))
        if agreed.length_correlation is not None:
            found.append((False, say("judge.length_of_marks", rho=signed(agreed.length_correlation, 2))))
    if audit.pairs:
        values = {"flipped": audit.flipped, "pairs": audit.pairs, "first": audit.first_favoured, "p": p_words(audit.position_p)}
        is_biased = "position" in audit.biased_by
        found.append((is_biased, say("judge.position_biased" if is_biased else "judge.position", **values)))
    if audit.repeated:
        values = {"raised": audit.raised, "lowered": audit.lowered, "count": audit.repeated, "p": p_words(audit.length_p)}
        is_biased = "length" in audit.biased_by
        found.append((is_biased, say("judge.length_biased" if is_biased else "judge.length", **values)))
    if audit.same_family:
        names = [say(f"system.{system}") for system in audit.same_family]
        found.append((True, say("judge.family", systems=say("headline.list_joint").join(names), judge=judged.judge)))
    return found
