"""Viewers: offers, peer connections, and one stream shared by all that watch the same camera.

Imports ``link/``, ``media/``, ``access/`` and ``runtime/``; no rclpy. All but ``late.py``,
``settings.py`` and ``errors.py`` is loaded for the first viewer.
"""
