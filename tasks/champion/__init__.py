"""The model that forecasts: what it said, what came of it, and who takes its place."""
