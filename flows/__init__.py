"""The steps of a night and their order, and the command line."""
