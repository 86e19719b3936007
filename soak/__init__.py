# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The soak test (``make soak``): viewers of all kinds come and go for an hour, and what stays."""
