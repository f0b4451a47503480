"""Calibrations from photographs, and what is wrong with those that are given."""
