"""The search space, and how the next trial is proposed."""
