"""From raw bars to windows, using only past data."""
