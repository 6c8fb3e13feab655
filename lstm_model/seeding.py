"""The only place where randomness starts."""

import hashlib


def derive_seed(seed: int, *parts: str | int) -> int:
    """Derive an independent 63-bit seed from the user's seed and the names of its purpose.

    The same arguments give the same seed on every machine, so a trial's random numbers do not
    depend on which process runs it or what ran before.
    """
    text = "\x1f".join([str(seed), *(str(part) for part in parts)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
