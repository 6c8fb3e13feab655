"""The network, its training, and the bundle in which it is saved."""
