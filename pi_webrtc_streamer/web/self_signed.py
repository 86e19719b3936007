# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""A certificate that this machine signs itself, kept so that browsers meet the same one again.

It does not say who the robot is, unless somebody compares the fingerprint, but nobody who merely
listens can read along.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ..access.private_file import is_private, write_private
from .tls import TlsError

VALID_FOR = datetime.timedelta(days=730)
RENEWED_BEFORE = datetime.timedelta(days=60)  # its end
# A machine without a network, such as a Raspberry Pi, may be months behind. With what comes before
# it may be 825 days: Apple's systems let nobody past the warning of a longer one.
BACKDATED = datetime.timedelta(days=90)
MOST_NAMES = 64  # of the past; networks come and go

Address = IPv4Address | IPv6Address


def kept_certificate(path: Path, hosts: Iterable[str], now: datetime.datetime) -> bool:
    """See that a PEM file has a key and a certificate for hosts; returns whether it was made now.

    It is made anew if it is missing, others can read it, it ends soon, or it lacks a name or an
    IPv4 address. (IPv6 addresses change daily, by design: a lack of one does not count.) It then
    keeps its key and the hosts of the past, so that a robot with two homes has one certificate.

    :raises TlsError: if it cannot be written.
    """
    wanted = set(hosts)
    try:
        old = _load(path)
        if old is not None and _serves(old[1], wanted, now):
            return False
        past = sorted(_hosts(old[1]) - wanted)[:MOST_NAMES] if old is not None else []
        key = old[0] if old is not None else ec.generate_private_key(ec.SECP256R1())
        write_private(path, _make(key, wanted | set(past), now), replace=True)
    except OSError as error:
        raise TlsError(
            f"the certificate {path} cannot be kept: {error.strerror}; the folder must be writable"
        ) from error
    return True


def _load(path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
    """Return the key and the certificate of a file, None if it is of no use."""
    if not path.exists() or not is_private(path):
        return None
    content = path.read_bytes()
    try:
        key = load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except ValueError:
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return (key, certificate) if key.public_key() == certificate.public_key() else None


def _serves(certificate: x509.Certificate, hosts: set[str], now: datetime.datetime) -> bool:
    lasting = {host for host in hosts if not isinstance(_address(host), IPv6Address)}
    return lasting <= _hosts(certificate) and now < certificate.not_valid_after_utc - RENEWED_BEFORE


def _hosts(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}


def _make(key: ec.EllipticCurvePrivateKey, hosts: set[str], now: datetime.datetime) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pi_webrtc_streamer")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([_name(each) for each in sorted(hosts)]), False)
        # Whoever trusts it trusts it for this server, not for all it might sign.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + certificate.public_bytes(Encoding.PEM)).decode("ascii")


def _name(host: str) -> x509.GeneralName:
    address = _address(host)
    return x509.DNSName(host) if address is None else x509.IPAddress(address)


def _address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
