"""Tests of ``threads.cloud``, module by module."""
