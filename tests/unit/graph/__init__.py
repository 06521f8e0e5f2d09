"""Tests of ``threads.graph``, module by module."""
