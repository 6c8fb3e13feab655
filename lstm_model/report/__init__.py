"""From a night's result to what a person reads."""
