"""Times, sizes and costs in words."""

from anytasktune.schema import Estimate

_WORTH_COMPARING = 10.0


def duration(seconds: float) -> str:
    """`40 s`, `6 min 40 s`, `2 h 05 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def about(seconds: float) -> str:
    """The same with no more digits than an estimate deserves: `40 s`, `6 min`, `2 h 10 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds / 5) * 5 if seconds > 20 else round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return duration(round(seconds / 600) * 600)


def count(number: int) -> str:
    """`950`, `410 k`, `1.3 M`."""
    if number < 10_000:
        return str(number)
    return f"{number / 1e3:.0f} k" if number < 1_000_000 else f"{number / 1e6:.3g} M"


def cost(whole: Estimate) -> str:
    """`410 k tokens, about 6 min, 1.9 GB`."""
    return f"{count(whole.tokens)} tokens, about {about(whole.seconds)}, {whole.memory_bytes / 1e9:.1f} GB"


def against_estimate(seconds: float, error: float | None) -> str:
    """`11 % more than estimated`; empty without an estimate, or after a very short run."""
    if error is None or seconds < _WORTH_COMPARING:
        return ""
    share = round(100 * error)
    if share == 0:
        return "as estimated"
    return f"{abs(share)} % {'more' if share > 0 else 'less'} than estimated"
