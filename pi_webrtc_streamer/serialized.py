"""Message types for those who take and give messages as serialized bytes."""

from __future__ import annotations

from typing import Any

from rosidl_generator_py import import_type_support


class _CompressedImageType(type):
    """What rclpy asks of the type of a message type, as rosidl generates it."""

    _TYPE_SUPPORT: Any = None
    # rclpy wants to see these, and calls them only to turn a message into an object.
    _CREATE_ROS_MESSAGE: Any = None
    _CONVERT_FROM_PY: Any = None
    _CONVERT_TO_PY: Any = None
    _DESTROY_ROS_MESSAGE: Any = None

    @classmethod
    def __import_type_support__(cls) -> None:
        support = import_type_support("sensor_msgs")
        cls._CREATE_ROS_MESSAGE = support.create_ros_message_msg__msg__compressed_image
        cls._CONVERT_FROM_PY = support.convert_from_py_msg__msg__compressed_image
        cls._CONVERT_TO_PY = support.convert_to_py_msg__msg__compressed_image
        cls._DESTROY_ROS_MESSAGE = support.destroy_ros_message_msg__msg__compressed_image
        cls._TYPE_SUPPORT = support.type_support_msg__msg__compressed_image


class SerializedCompressedImage(metaclass=_CompressedImageType):
    """Stands for sensor_msgs/CompressedImage in a subscription with ``raw=True``.

    ``sensor_msgs.msg`` imports all its messages, and numpy for some of them: 20 MB for a class that
    would never be made.
    """
