# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""Certificates: made here and kept, or given; wrong files are named."""

import datetime
import ssl
import subprocess

import pytest
from cryptography import x509

from pi_webrtc_streamer.web.self_signed import RENEWED_BEFORE, VALID_FOR, kept_certificate
from pi_webrtc_streamer.web.tls import TlsError, fingerprint, server_context

NOW = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
HOSTS = {"robot", "robot.local", "192.0.2.7", "2001:db8::7"}


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "state" / "self-signed.pem"
    assert kept_certificate(path, HOSTS, NOW)
    return path


def names(path) -> set[str]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return {str(name.value) for name in extension.value}


def test_it_is_for_all_names_and_its_key_is_its_owners_alone(kept):
    assert names(kept) == HOSTS
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert list(kept.parent.iterdir()) == [kept], "nothing else is left"
    assert server_context(kept, kept).minimum_version == ssl.TLSVersion.TLSv1_2
    certificate = x509.load_pem_x509_certificate(kept.read_bytes())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca, "it vouches for nothing else"
    whole = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert whole <= datetime.timedelta(days=825), "else Apple's systems refuse it"


def test_it_is_kept_while_it_serves(kept):
    before = fingerprint(kept)
    assert not kept_certificate(kept, HOSTS, NOW)
    assert not kept_certificate(kept, {"robot", "2001:db8::99"}, NOW), "IPv6 addresses come and go"
    assert not kept_certificate(kept, HOSTS, NOW + VALID_FOR - RENEWED_BEFORE * 2)
    assert fingerprint(kept) == before


def test_it_is_made_anew_for_another_name_with_those_of_the_past(kept):
    before = fingerprint(kept)
    assert kept_certificate(kept, {"robot", "198.51.100.7"}, NOW)
    assert names(kept) == {*HOSTS, "198.51.100.7"}
    assert fingerprint(kept) != before
    assert not kept_certificate(kept, HOSTS, NOW), "back in the first network"


@pytest.mark.parametrize("spoil", ["end", "content", "mode", "mismatch"])
def test_it_is_made_anew_when_it_is_of_no_use(kept, tmp_path, spoil):
    now = NOW
    if spoil == "end":
        now = NOW + VALID_FOR - RENEWED_BEFORE / 2
    elif spoil == "content":
        kept.write_text("-----BEGIN NONSENSE-----")
    elif spoil == "mode":
        kept.chmod(0o644)
    else:
        other = tmp_path / "other.pem"
        kept_certificate(other, HOSTS, NOW)
        marker = "-----BEGIN CERTIFICATE-----"
        kept.write_text(
            kept.read_text().partition(marker)[0] + marker + other.read_text().partition(marker)[2]
        )
    assert kept_certificate(kept, HOSTS, now)
    server_context(kept, kept)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert not kept_certificate(kept, HOSTS, now)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TlsError, match="cannot be kept: File exists; the folder"):
        kept_certificate(tmp_path / "file" / "self-signed.pem", HOSTS, NOW)


def test_the_fingerprint_is_openssls(kept):
    text = subprocess.run(
        ["openssl", "x509", "-in", kept, "-noout", "-fingerprint", "-sha256"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert text.strip().partition("=")[2] == fingerprint(kept)


def test_wrong_files_are_named_with_the_way_out(kept, tmp_path):
    missing, empty, other = (tmp_path / name for name in ("missing", "empty", "other.pem"))
    empty.write_text("")
    kept_certificate(other, HOSTS, NOW)
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "pkey", "-in", kept, "-aes128", "-passout", "pass:x", "-out", locked],
        check=True,
        capture_output=True,
    )
    for certificate, key, why in [
        (missing, kept, f"tls_certificate {missing} cannot be read: No such file"),
        (kept, missing, f"tls_key {missing} cannot be read: No such file"),
        (empty, kept, f"tls_certificate {empty} has no certificate in PEM form"),
        (kept, empty, f"tls_key {empty} has no key in PEM form"),
        (locked, kept, f"tls_certificate {locked} has no certificate"),
        (kept, other, f"tls_key {other} does not belong to tls_certificate {kept}"),
        (kept, locked, f"tls_key {locked} has a pass phrase"),
    ]:
        with pytest.raises(TlsError) as error:
            server_context(certificate, key)
        assert why in str(error.value)
