"""Datasets: files understood, checked, and kept as immutable typed versions."""
