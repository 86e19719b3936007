# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What aiortc keeps private: a sender whose own loop never runs, the handshake of DTLS, and SCTP.

This folder alone touches what aiortc keeps private (``path.py`` and ``gathering.py``: aioice);
``test_aiortc_private.py`` fails when a new version changes what it relies on. aiortc's own way
would pack every picture again for every viewer, keep 128 packets for retransmission, ignore
requests for key frames, and acknowledge each of a driver's packets in one of its own.
"""
