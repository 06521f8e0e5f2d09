"""Shortcodes: an id written to the base of 64, as Instagram does in its permalinks (seen)."""

from __future__ import annotations

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def shortcode_of(media_id: str) -> str:
    """Write an id as a shortcode."""
    rest, code = int(media_id), ""
    while rest:
        rest, digit = divmod(rest, len(_ALPHABET))
        code = _ALPHABET[digit] + code
    return code


def media_id_of(shortcode: str) -> str:
    """Return the id that a shortcode means."""
    number = 0
    for digit in shortcode:
        number = number * len(_ALPHABET) + _ALPHABET.index(digit)
    return str(number)
