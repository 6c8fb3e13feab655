"""From raw bars to windows: the past alone."""
