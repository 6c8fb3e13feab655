"""Baselines: what every model is held against, fitted on the same data as the model."""
