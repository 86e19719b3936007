# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""What a viewer may be refused for."""

from __future__ import annotations


class OfferError(ValueError):
    """An offer that cannot be answered; the text is for whoever sent it."""


class MalformedOffer(OfferError):
    """The body is no SDP offer at all."""


class IceRestartError(ValueError):
    """A fragment has new ICE credentials; restarts are not supported, a new session is as fast."""


class Unavailable(Exception):
    """No answer can be given now, whatever the offer; later one may be."""


class AnswerTimeout(Unavailable):
    """The offer could not be answered in time."""


class NoAddress(Unavailable):
    """No address of this machine can be offered: the viewer would try none, and wait."""


class TooManyViewers(Unavailable):
    """No further viewer is served now."""


class TooManyFromAddress(TooManyViewers):
    """No further viewer from this address is served now; others are."""
