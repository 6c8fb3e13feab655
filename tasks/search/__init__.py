"""The study: its owner, its workers, its record."""
