"""Deploying, against a simulated project."""
