"""Nodules: from a click or a search to outlines, measurements and a list."""
