# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The predecessor's signalling and HTTP interface, for its clients; loaded where it is enabled.

Each dialect is a file that reads and writes messages and does nothing else: :mod:`.rust` and
:mod:`.go`. :mod:`.session` is a client on its socket, :mod:`.signalling` a camera's port,
:mod:`.api` what is served beside our own interface on the HTTP port.
"""
