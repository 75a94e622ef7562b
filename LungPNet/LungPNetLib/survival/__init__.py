"""Survival: what is known about a patient beside the images, and what follows from it."""
