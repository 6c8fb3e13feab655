"""What happens in which order; readable aloud."""
