# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""TLS for the HTTP server: the context, and what to do when a file does not fit."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path


class TlsError(Exception):
    """There is no TLS with these files; the text names the file and the way out."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and up from PEM files, which may be one.

    :raises TlsError: if they cannot be used.
    """
    _require_certificate(certificate)
    _read(key, "tls_key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_pass_phrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(
                f"tls_key {key} does not belong to tls_certificate {certificate}"
            ) from error
        raise TlsError(f"tls_key {key} has no key in PEM form (BEGIN PRIVATE KEY)") from error
    except _PassPhrase:
        raise TlsError(
            f"tls_key {key} has a pass phrase, which nobody is there to type; take it off "
            f"(openssl pkey -in {key} -out NEW)"
        ) from None
    return context


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 fingerprint of a PEM file's first certificate, as browsers show it."""
    end = "-----END CERTIFICATE-----"
    text = _read(certificate, "tls_certificate")
    start = text.index("-----BEGIN CERTIFICATE-----")
    der = ssl.PEM_cert_to_DER_cert(text[start : text.index(end) + len(end)])
    return hashlib.sha256(der).digest().hex(":").upper()


def _require_certificate(path: Path) -> None:
    _read(path, "tls_certificate")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError as error:
        raise TlsError(
            f"tls_certificate {path} has no certificate in PEM form (BEGIN CERTIFICATE)"
        ) from error


def _read(path: Path, parameter: str) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise TlsError(f"{parameter} {path} cannot be read: {error.strerror}") from error


class _PassPhrase(Exception):
    """OpenSSL has asked for one."""


def _no_pass_phrase() -> str:
    raise _PassPhrase
