"""Replay: past nights trained in the workers, one after another where they depend on each other."""
