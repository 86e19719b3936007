# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Settings of who may come in that do not fit."""

import pytest

from pi_webrtc_streamer.settings.bridge import BridgeSettings
from pi_webrtc_streamer.settings.schema import SettingsError


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"tls": "files"}, "tls is files, and tls_certificate is missing"),
        ({"tls_key": "x"}, "tls_key is given, but tls is none; set tls to files"),
        ({"allowed_hosts": ["http://robot"]}, 'allowed_hosts has "http://robot"'),
        ({"allowed_hosts": ["robot:80"]}, 'allowed_hosts has "robot:80"'),
        ({"cors_origins": ["https://a.example/"]}, 'cors_origins has "https://a.example/"'),
        ({"cors_origins": ["null"]}, 'cors_origins has "null"'),
        ({"trusted_proxies": ["nginx"]}, "trusted_proxies has what is no address"),
    ],
)
def test_settings_that_do_not_fit_are_named(values, why):
    with pytest.raises(SettingsError, match=why):
        BridgeSettings(**values)


def test_other_sites_are_not_let_in_unless_named():
    assert BridgeSettings().listed_origins == []
    named = BridgeSettings(cors_origins=["https://A.example"])
    assert named.listed_origins == ["https://a.example"]
