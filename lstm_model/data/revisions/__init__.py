"""One ticker's bars as they became known: every revision, with the time at which it was learnt."""
