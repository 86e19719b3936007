"""Driving by hand in ROS: velocities, the head, the stop, and what the robot tells of itself.

``parts.py`` puts it together; all of it is there only while ``teleop.enabled`` and the node is
active.
"""
