"""HTTP: who is let in, the page, WHEP, the cameras' state, and pictures as JPEG.

Imports ``bridge.py``, ``access/``, ``page/``, ``telemetry/`` and what these import; no rclpy.
"""
