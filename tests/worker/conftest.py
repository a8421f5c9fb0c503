"""Clips, as the tests of encoders/ have them."""

from tests.encoders.conftest import clip

__all__ = ["clip"]
