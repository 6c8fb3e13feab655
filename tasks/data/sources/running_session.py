"""The bar of a session that is still running, which is left out."""

import pandas as pd


def drop_unfinished_session(
    frame: pd.DataFrame, session_end: object, now: pd.Timestamp
) -> pd.DataFrame:
    """Drop the last bar while its session is still running; `session_end` is any time stamp.

    A session's day is the exchange's own, wherever this machine is. On a half day the source gives
    the early end.
    """
    if session_end is None or frame.empty:
        return frame
    if isinstance(session_end, int | float):
        end = pd.Timestamp(session_end, unit="s")
    else:
        end = pd.Timestamp(str(session_end))
    end = end.tz_localize("UTC") if end.tzinfo is None else end
    dates = pd.to_datetime(frame["date"])
    zone = dates.dt.tz
    last_day = dates.iloc[-1].date()
    local_end = end.tz_convert(zone) if zone is not None else end
    return frame.iloc[:-1] if now < end and last_day == local_end.date() else frame
