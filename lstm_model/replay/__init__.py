"""Replay: the nightly procedure as of past dates, and what its forecasts would have been worth."""
