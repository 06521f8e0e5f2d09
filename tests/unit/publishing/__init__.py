"""Tests of ``threads.publishing``, module by module."""
