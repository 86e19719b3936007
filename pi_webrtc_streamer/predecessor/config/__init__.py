# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The predecessor's config.toml, of its Rust and its Go generation, as our nodes' parameters."""
