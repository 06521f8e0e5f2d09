"""Tests of ``threads.accounts``, module by module."""
