"""Who may come in: tokens and roles, hosts and origins, proxies. Pure but for the files.

Imports no other room, and neither rclpy, aiohttp nor asyncio.
"""
