# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Message types for those who take messages as serialized bytes.

``sensor_msgs.msg`` imports all its messages, and numpy for some of them: 20 MB for classes that
would never be made.
"""

from __future__ import annotations

from typing import Any

from rosidl_generator_py import import_type_support


class _SerializedType(type):
    """What rclpy asks of the type of a message type, as rosidl generates it."""

    MESSAGE = ""  # its name in the type support of sensor_msgs
    _TYPE_SUPPORT: Any = None
    # rclpy wants to see these, and calls them only to turn a message into an object.
    _CREATE_ROS_MESSAGE: Any = None
    _CONVERT_FROM_PY: Any = None
    _CONVERT_TO_PY: Any = None
    _DESTROY_ROS_MESSAGE: Any = None

    @classmethod
    def __import_type_support__(cls) -> None:
        support = import_type_support("sensor_msgs")
        name = f"msg__msg__{cls.MESSAGE}"
        cls._CREATE_ROS_MESSAGE = getattr(support, f"create_ros_message_{name}")
        cls._CONVERT_FROM_PY = getattr(support, f"convert_from_py_{name}")
        cls._CONVERT_TO_PY = getattr(support, f"convert_to_py_{name}")
        cls._DESTROY_ROS_MESSAGE = getattr(support, f"destroy_ros_message_{name}")
        cls._TYPE_SUPPORT = getattr(support, f"type_support_{name}")


class _CompressedImageType(_SerializedType):
    MESSAGE = "compressed_image"


class _ImageType(_SerializedType):
    MESSAGE = "image"


class SerializedCompressedImage(metaclass=_CompressedImageType):
    """Stands for sensor_msgs/CompressedImage in a subscription with ``raw=True``."""


class SerializedImage(metaclass=_ImageType):
    """Stands for sensor_msgs/Image in a subscription with ``raw=True``."""
