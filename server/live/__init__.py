"""Joins jobs, and whatever else happens, to those who are connected."""
