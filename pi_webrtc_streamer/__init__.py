"""See through a robot's cameras: ROS 2 capture, shared encoding, WebRTC in the browser."""

__version__ = "0.1.0"
