"""Weights: the registry that vouches for them, and the files that ship."""
