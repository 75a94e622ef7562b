"""Lungs: masks, volumes and densities."""
