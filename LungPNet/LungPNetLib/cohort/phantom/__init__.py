"""Generator A: made-up patients."""
