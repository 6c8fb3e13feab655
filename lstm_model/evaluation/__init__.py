"""Evaluation of forecasts: scores, tests, selection, panels, intervals, trading, verdict."""
