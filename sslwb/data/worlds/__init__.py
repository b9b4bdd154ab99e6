"""Worlds: small programs that make data whose hidden causes are known."""
