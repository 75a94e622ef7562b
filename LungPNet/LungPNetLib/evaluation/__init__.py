"""How good a result is: overlap of masks, means with intervals, tables."""
