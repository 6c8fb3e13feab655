"""What the cleaning of one ticker found: findings, and refusals in one line."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from lstm_model.data.bars import Finding
from lstm_model.errors import BarsError
from lstm_model.shares import exact

MAX_REPAIRED_SHARE = 0.05
MOST_OF_A_RULE = 50
"""Findings of one rule up to which each stands alone; more become one with a count."""

LEAVE_OUT = "set data.start after it, or fix the row and use data.source csv"
"""What a user of a download can do about one bad bar."""


@dataclass(frozen=True, slots=True)
class Record:
    """The findings of one ticker so far."""

    ticker: str
    findings: list[Finding] = field(default_factory=list)

    def repaired(self, rule: str, date: object, value: str) -> None:
        """Record a defect that was repaired."""
        self._add(rule, date, value, "repaired")

    def noted(self, rule: str, date: object, value: str, count: int = 1) -> None:
        """Record what was left as it is; `count` bars or sessions share it."""
        self._add(rule, date, value, "noted", count)

    def _add(
        self,
        rule: str,
        date: object,
        value: str,
        action: Literal["repaired", "noted"],
        count: int = 1,
    ) -> None:
        self.findings.append(Finding(self.ticker, day(date), rule, value, action, count))

    def refusal(self, rule: str, date: object, value: str, remedy: str) -> BarsError:
        """Return the error for a defect without a repair."""
        return BarsError(f"{self.ticker} {day(date)}: {rule}: {value}; {remedy}")

    def require_few(
        self,
        count: int,
        total: int,
        rule: str,
        date: object,
        share: float = MAX_REPAIRED_SHARE,
        remedy: str = "use another source or start date",
    ) -> None:
        """Raise BarsError if a rule would repair over a share of the bars, and over one."""
        if count > 1 and count > exact(share) * total:
            value = f"and {count - 1} more of {total} bars"
            raise self.refusal(rule, date, value, f"at most {share:.0%} are repaired; {remedy}")

    def summary(self) -> tuple[Finding, ...]:
        """Return the findings in their order; a rule with too many has one, with a count."""
        by_rule: defaultdict[tuple[str, str], list[Finding]] = defaultdict(list)
        for finding in self.findings:
            by_rule[finding.rule, finding.action].append(finding)
        told: list[Finding] = []
        for group in by_rule.values():
            told.extend(group if len(group) <= MOST_OF_A_RULE else [_one_of(group)])
        return tuple(told)


def _one_of(group: list[Finding]) -> Finding:
    first, last = group[0], group[-1]
    samples = "; ".join(f"{finding.date} {finding.value}" for finding in group[:3])
    value = f"{len(group)} bars to {last.date}: {samples}; ..."
    count = sum(finding.count for finding in group)
    return Finding(first.ticker, first.date, first.rule, value, first.action, count)


def day(date: object) -> str:
    """Return a date as YYYY-MM-DD."""
    return date.strftime("%Y-%m-%d") if isinstance(date, pd.Timestamp) else str(date)
