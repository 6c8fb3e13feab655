"""What is served after a night, and who forecasts: sentences that every view of a night shares."""

from lstm_model.champion.ruling import Ruling
from lstm_model.report.night_result import NightResult


def served_sentence(night: NightResult) -> str:
    """Say which networks the registered version has, and on which ones the scores are."""
    version = f"Version {night.registered.version} of {night.registered.name}"
    if night.served == "judged":
        return (
            f"{version} has the judged networks themselves: they have not learnt from "
            f"validation and test."
            if not night.winner.refit
            else f"{version} has the judged networks themselves: they have not learnt from the "
            f"test block."
        )
    return (
        f"{version} was fitted again on all bars, by the parameters, seeds and steps of the "
        f"judged model. All scores here are the judged model's, which had seen nothing from "
        f"{night.data.test_start} on; of the served one there is no score until its forecasts "
        f"come true."
    )


def gate_sentence(ruling: Ruling) -> str:
    """Say what the gate found, and who forecasts now."""
    challenger = f"Gate, version {ruling.challenger}"
    if ruling.champion is not None:
        challenger += f" against the champion, version {ruling.champion}"
    if ruling.promoted:
        then = f"Version {ruling.challenger} is the champion."
    elif ruling.champion is None:
        then = "There is no champion."
    else:
        then = f"Version {ruling.champion} stays."
    return f"{challenger}: {ruling.text} {then}"


def serving_sentences(night: NightResult) -> tuple[str, ...]:
    """Return both; nights from before the gate have no verdict of it."""
    ruling = () if night.gate is None else (gate_sentence(night.gate),)
    return (served_sentence(night), *ruling)
