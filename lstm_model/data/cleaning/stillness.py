"""Series that stand still: before the first trade, after the last, and over long halts."""

from itertools import pairwise

import numpy as np
import pandas as pd

from lstm_model.data.cleaning.missing import drop_rows
from lstm_model.data.cleaning.order import is_still
from lstm_model.data.cleaning.record import Record, day

FLAT_BARS = 20
"""Still bars in a row, about a month, that make an end of a series a dead one."""

LONGEST_HALT_BARS = 60


def drop_dead_ends(frame: pd.DataFrame, record: Record) -> pd.DataFrame:
    """Drop 20 or more still bars at the end or the beginning; raises BarsError for a long halt.

    A still bar repeats the last close with no volume. At the end it is a delisted or suspended
    ticker, at the beginning one not yet listed. This needs the following bars: if trading resumes,
    the bars of the halt come back, and over 60 of them are refused (noted, where no
    volume tells a halt from coarse closes). Shorter halts stay.
    """
    still = is_still(frame).to_numpy()
    if still.sum() < FLAT_BARS - 1:
        return frame
    moving = np.flatnonzero(~still)
    last = moving[-1]
    # The first bar is never still; it is dead too if those after it are.
    first = moving[1] if len(moving) > 1 and moving[0] == 0 else 0
    dropped = np.zeros(len(frame), dtype=bool)
    if len(frame) - 1 - last >= FLAT_BARS and last > 0:
        count = len(frame) - 1 - last
        value = f"{count} bars without a trade to the end, close {frame['close'].iloc[-1]:g}"
        record.repaired("flat_tail", frame["date"].iloc[last + 1], value)
        dropped[last + 1 :] = True
    if FLAT_BARS <= first <= last:
        value = f"{first} bars without a trade, close {frame['close'].iloc[0]:g}"
        record.repaired("flat_head", frame["date"].iloc[0], value)
        dropped[:first] = True
    for start, after in pairwise(moving):
        if after - start > LONGEST_HALT_BARS and not dropped[start]:
            date = frame["date"].iloc[start + 1]
            value = f"{after - start - 1} bars without a trade"
            if "volume" not in frame:  # coarse closes may repeat
                record.noted("long_halt", date, value)
                continue
            raise record.refusal(
                "long_halt", date, value,
                f"at most {LONGEST_HALT_BARS} are kept; set data.start to "
                f"{day(frame['date'].iloc[after])} or data.end before it",
            )  # fmt: skip
    return drop_rows(frame, dropped, record)
