# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Who may come in: tokens and roles, hosts and origins, proxies. Pure but for the files.

Imports ``runtime/``, and neither rclpy, aiohttp nor asyncio.
"""
