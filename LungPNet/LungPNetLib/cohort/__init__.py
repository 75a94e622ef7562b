"""Patients: real, tabulated and made up."""
