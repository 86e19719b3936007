"""Viewers: peer connections, and one stream shared by all that watch the same camera."""
