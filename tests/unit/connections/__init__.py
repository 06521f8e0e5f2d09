"""Tests of ``threads.connections``, module by module."""
