"""What any process needs that is to run for months: owners, an event loop, faults, signals, memory.

Imports no other room, and no rclpy.
"""
