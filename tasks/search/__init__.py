"""The study: its owner, its workers and its store."""
