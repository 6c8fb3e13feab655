"""What a replay prints: the scores of every way to forecast, and who was champion when."""

from lstm_model.data.calendar import date_of
from lstm_model.evaluation.measured import NotComputed, show
from lstm_model.replay.scores import PROCEDURE, ArmScore
from lstm_model.replay.summary import Replay

WIDTH = 16


def replay_text(replay: Replay) -> str:
    """Return the scores as a table, and the promotions, as text."""
    nights, scores = replay.nights, replay.scores
    span = f"{date_of(nights[0].day)} .. {date_of(nights[-1].day)}"
    seconds = sum(sum(night.seconds) for night in nights)
    lines = [
        f"{len(nights)} nights, {span}; {len(scores.days)} mornings scored; "
        f"{seconds / len(nights):.1f} s of work a night",
        "",
        f"{'':{WIDTH}}  {'MSE':>9}  {'QLIKE':>9}  {'DM p':>9}",
        *(_row(name, score) for name, score in scores.by_arm.items()),
        "",
        *(f"{name}: {replay.arm_text(name)}" for name in scores.by_arm),
        "DM p: Diebold-Mariano test of the squared error against the procedure's, two-sided.",
        "",
        promotions_sentence(replay),
    ]
    return "\n".join(lines)


def promotions_sentence(replay: Replay) -> str:
    """Say when the gate promoted, and how often it did not."""
    days = replay.promotions
    if not days:
        return "The gate promoted nobody, so the procedure has no forecast."
    dates = ", ".join(str(date_of(day)) for day in days)
    return f"The gate promoted {len(days)} of {len(replay.nights)} nights' models: {dates}."


def p_value(name: str, score: ArmScore) -> str:
    """Return the p-value of a way's test against the procedure."""
    if name == PROCEDURE:
        return "-"
    return "-" if isinstance(score.against, NotComputed) else f"{score.against.p_value:.2g}"


def _row(name: str, score: ArmScore) -> str:
    qlike = "-" if isinstance(score.qlike, NotComputed) else show(score.qlike, ".5g")
    return f"{name:{WIDTH}}  {score.mse:>9.5g}  {qlike:>9}  {p_value(name, score):>9}"
