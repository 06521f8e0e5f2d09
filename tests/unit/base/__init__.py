"""Tests of ``threads.base``, module by module."""
