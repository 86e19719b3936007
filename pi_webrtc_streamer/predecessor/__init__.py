# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""All that is for the users of the predecessor, the Rust and the Go streamer, and for nobody else.

Imports any room. None imports it: the nodes, the command and the reader of configuration files
know of it, as docs/architecture.md says line by line, and the whole folder can be deleted.
"""
