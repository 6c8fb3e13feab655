"""What is searched over, and how the next trial is proposed."""
