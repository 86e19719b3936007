# SPDX-FileCopyrightText: The pi_webrtc_streamer maintainers
# SPDX-License-Identifier: Apache-2.0
"""The ports that the bridge takes, and why one cannot be had."""

from __future__ import annotations

import errno
import socket


class PortError(Exception):
    """A port cannot be had; the text names the address and the way out."""


def listen(host: str, port: int, parameter: str = "port") -> socket.socket:
    """Listen on a TCP port: the one asked for, or a free one if that is 0.

    :raises PortError: if the address cannot be listened on; it names the parameter of the port.
    """
    # Not left to asyncio, whose error no longer tells why an address cannot be had (Python 3.13).
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        both = family == socket.AF_INET6 and host == "::"
        return socket.create_server(address[:2], family=family, dualstack_ipv6=both)
    except OSError as error:
        raise PortError(_explain(error, host, port, parameter, "ss -ltnp")) from error


def require_udp(port: int, parameter: str) -> None:
    """See that a UDP port can be had when a viewer will come; 0 is none in particular.

    :raises PortError: if it cannot; it names the parameter of the port.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as trial:
        try:
            trial.bind(("", port))
        except OSError as error:
            raise PortError(_explain(error, "0.0.0.0", port, parameter, "ss -lunp")) from error


def _explain(error: OSError, host: str, port: int, parameter: str, who: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use by another program; end that or choose another "
            f"with the parameter {parameter} ({who} shows who listens)"
        )
    if error.errno == errno.EACCES:
        return (
            f"port {port} needs privileges; choose one from 1024 up with the parameter {parameter}"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f'host "{host}" is no address of this machine; 0.0.0.0 stands for all of them'
    return f'cannot listen on host "{host}", port {port}: {error.strerror or error}'
