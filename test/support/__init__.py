# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the tests of nodes and of the page use: real nodes, real processes, real viewers."""
