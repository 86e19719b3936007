"""The way of a frame: pure logic and codecs, without ROS, aiortc or asyncio."""
