"""Champion: which model forecasts, by a gate on paired losses, and when it decays."""
