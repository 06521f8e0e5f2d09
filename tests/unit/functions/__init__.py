"""Tests of ``threads.functions``, module by module."""
