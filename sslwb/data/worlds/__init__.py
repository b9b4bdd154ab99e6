"""Worlds: small programs that make data whose hidden causes are known."""

import hashlib

SPLITS = ("train", "val", "test")


def stream(world: str, split: str, seed: int) -> int:
    """A generator's seed for each (split, seed): a hash, so that train with seed 1 is never test with seed 0."""
    return int.from_bytes(hashlib.blake2b(f"{world}/{split}/{seed}".encode(), digest_size=7).digest(), "big")
