"""Tests of ``threads.posts``, module by module."""
