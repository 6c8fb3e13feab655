"""Tables of intervals, seeds, tickers and trading."""

from collections.abc import Sequence

from lstm_model.evaluation.backtest import Performance, Trading
from lstm_model.evaluation.drift import Drift
from lstm_model.evaluation.evaluate import Evaluation
from lstm_model.evaluation.intervals import Interval
from lstm_model.evaluation.measured import Measured, NotComputed
from lstm_model.evaluation.panel import PanelSkill, TickerSkill
from lstm_model.report.figures.style import named
from lstm_model.report.page.numbers import Cell, column, number, probability, share
from lstm_model.report.page.table import MOST_ROWS, Table, out_of, table_of


def intervals_table(intervals: Sequence[Interval], unit: str) -> Table:
    """Return nominal and measured coverage, overall and by year."""
    years = sorted({year for i in intervals for year, _ in i.by_year})
    power, radii = column([i.radius for i in intervals])
    return table_of(
        f"Conformal intervals, forecast ± radius; mean radius in {unit}",
        ("nominal coverage", [share(i.nominal, 0) for i in intervals]),
        ("measured coverage", [share(i.coverage) for i in intervals]),
        (f"radius{power}", radii),
        ("validation errors", [number(i.n_calibration, ",") for i in intervals]),
        *((str(year), [share(dict(i.by_year).get(year)) for i in intervals]) for year in years),
        text=frozenset(),
    )


def seeds_table(evaluation: Evaluation) -> Table:
    """Return the spread of test MSE over seeds, and the MSE of their mean forecast."""
    seeds = evaluation.seeds
    power, cells = column(
        [v for s in seeds for v in (s.mean, s.sd if len(s.members) > 1 else None, s.ensemble)]
    )
    return table_of(
        "Test MSE over seeds",
        ("forecast", [Cell(named(s.name)) for s in seeds]),
        ("seeds", [number(len(s.members), "d") for s in seeds]),
        (f"mean{power}", cells[0::3]),
        (f"standard deviation{power}", cells[1::3]),
        (f"mean forecast{power}", cells[2::3]),
    )


def drift_table(drift: Drift) -> Table:
    """Return the columns that are furthest from train."""
    shown = drift.columns[:MOST_ROWS]
    return table_of(
        f"Columns of {drift.name} beside train, the furthest beyond its own blocks first"
        f"{out_of(len(shown), len(drift.columns))}",
        ("column", [Cell(c.name) for c in shown]),
        ("PSI", [number(c.psi, ".3f") for c in shown]),
        ("largest of train's own blocks", [number(c.own_largest, ".3f") for c in shown]),
        ("mean, in standard deviations", [number(c.shift, ".2f") for c in shown]),
        ("standard deviation, times train's", [number(c.spread, ".2f") for c in shown]),
    )


def panel_table(panel: PanelSkill) -> Table:
    """Return the two correlations across tickers."""
    pairs = (("IC (Pearson)", panel.ic), ("rank IC (Spearman)", panel.rank_ic))
    return table_of(
        "Correlation of forecast and truth across tickers, by date",
        ("", [Cell(name) for name, _ in pairs]),
        ("mean", [number(c.mean, ".4f") for _, c in pairs]),
        ("standard deviation", [number(c.sd, ".4f") for _, c in pairs]),
        ("mean / sd (ICIR)", [number(c.information_ratio, ".3f") for _, c in pairs]),
        ("dates", [number(len(c.by_date), ",") for _, c in pairs]),
    )


def tickers_tables(panel: PanelSkill) -> tuple[Table, ...]:
    """Return skill by ticker: all tickers of a small panel, the best and worst of a large one."""
    ranked = sorted(panel.tickers, key=lambda t: _or_last(t.r2_benchmark))
    if len(ranked) <= 2 * MOST_ROWS:
        return (_tickers("Skill by ticker, best first", ranked),)
    known = [t for t in ranked if not isinstance(t.r2_benchmark, NotComputed)]
    ends = (("highest", known[:MOST_ROWS]), ("lowest", known[-MOST_ROWS:]))
    return tuple(
        _tickers(f"The {len(part)} of {len(ranked)} tickers with the {which} R²", part)
        for which, part in ends
    )


def trading_table(trading: Trading) -> Table:
    """Return the performance of the rule and of buy and hold."""
    costs, delay = trading.costs_bps, trading.delay_bars
    both: tuple[Performance, ...] = (trading.strategy, trading.buy_and_hold)
    return table_of(
        f"After costs of {costs:g} basis points and a delay of {delay} bar; a year has "
        f"{trading.sessions_a_year} sessions",
        ("", [Cell("the rule"), Cell("buy and hold")]),
        ("annual return", [share(p.annual_return) for p in both]),
        ("annual volatility", [share(p.annual_volatility) for p in both]),
        ("Sharpe", [number(p.sharpe, ".2f") for p in both]),
        ("90 % interval from", [number(p.sharpe_low, ".2f") for p in both]),
        ("to", [number(p.sharpe_high, ".2f") for p in both]),
        ("deflated Sharpe", [probability(p.deflated_sharpe) for p in both]),
        ("maximum drawdown", [share(p.max_drawdown) for p in both]),
        ("annual turnover", [number(p.turnover * trading.sessions_a_year, ".1f") for p in both]),
    )


def _tickers(caption: str, skills: Sequence[TickerSkill]) -> Table:
    power, mses = column([t.mse for t in skills])
    return table_of(
        caption,
        ("ticker", [Cell(t.ticker) for t in skills]),
        ("samples", [number(t.n, ",") for t in skills]),
        (f"MSE{power}", mses),
        ("R² vs benchmark", [number(t.r2_benchmark, ".4f") for t in skills]),
    )


def _or_last(value: Measured) -> float:
    return float("inf") if isinstance(value, NotComputed) else -value
