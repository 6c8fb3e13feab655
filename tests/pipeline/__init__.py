"""The rooms together, on real bars and real servers."""
