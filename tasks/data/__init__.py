"""Bars fetched, stored and prepared."""
