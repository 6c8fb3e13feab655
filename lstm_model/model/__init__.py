"""The network, its training and the bundle it travels in."""
