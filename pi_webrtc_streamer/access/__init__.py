"""Who may come in: tokens and roles, hosts and origins, proxies. Pure but for the files.

Imports ``runtime/``, and neither rclpy, aiohttp nor asyncio.
"""
