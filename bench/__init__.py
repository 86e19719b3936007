# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The benchmark (``make bench``): real nodes, real viewers, and rivals in the same run."""
