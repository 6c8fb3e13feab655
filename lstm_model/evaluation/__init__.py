"""Judging a forecast: scores, tests, selection, panels, intervals, trading, verdict."""
