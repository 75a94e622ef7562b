"""Grading: what a nodule measures, of which type it is, and what published formulas make of it."""
