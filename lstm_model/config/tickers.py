"""How a ticker is spelled."""

import re

TICKER_PATTERN = re.compile(r"\^?[A-Z0-9][A-Z0-9.\-&]{0,14}(=[XF])?")


def check_ticker(ticker: str) -> str:
    """Return the ticker; raises ValueError if it is not spelled as one."""
    if not TICKER_PATTERN.fullmatch(ticker):
        raise ValueError(
            f"a ticker must be up to 15 capitals, digits, '.', '-' or '&', with an "
            f"optional leading '^' or trailing '=X' or '=F', but one is {ticker!r}; "
            f"write it as the source lists it"
        )
    return ticker
