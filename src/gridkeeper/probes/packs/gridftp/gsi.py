"""GSI as GridFTP speaks it: the TLS handshake travels in ADAT commands, base64 in the lines of FTP's control channel.

Sources: RFC 2228 (AUTH, ADAT, ENC), GFD.20 "GridFTP: Protocol Extensions to FTP", and the GSI of the Grid Community
Toolkit: after the handshake a client says within TLS whether it delegates ("0": no).
"""

import base64
import binascii
import ssl
import struct

from cryptography import x509

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckFailedError, Run
from gridkeeper.probes.native.tls import context_with, own_context

_HANDSHAKE_RECORD = 22
_CERTIFICATE_MESSAGE = 11
_NO_DELEGATION = b"0"


def context_for(run: Run, *, ca_file: str, verify: bool) -> ssl.SSLContext:
    """A context of TLS 1.2, in which the server's certificate is readable before we have shown one.

    Raises CheckFailedError where the proxy that the run was handed cannot be used.
    """
    proxy = run.credential.proxy_path if run.credential is not None else ""
    if proxy:
        context = context_with(proxy, ca_file=ca_file, verify=verify)
    else:
        context = own_context(ca_file)
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


class Handshake:
    """A TLS conversation whose bytes go by the caller's way. Errors are ssl.SSLError."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._from_server, self._to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._from_server, self._to_server, server_hostname=server_name)
        self._seen = bytearray()
        self.is_done = False

    @property
    def certificate(self) -> x509.Certificate | None:
        """What the server showed; None until then."""
        return parse_certificate(bytes(self._seen))

    def step(self, received: bytes = b"") -> bytes:
        """What to send next, after what was received."""
        if not self.is_done:
            self._seen += received
        self._from_server.write(received)
        try:
            self._tls.do_handshake()
            self.is_done = True
        except ssl.SSLWantReadError:
            pass  # more must come
        return self._to_server.read()

    def delegate_nothing(self) -> bytes:
        return self.wrap(_NO_DELEGATION)

    def wrap(self, text: bytes) -> bytes:
        self._tls.write(text)
        return self._to_server.read()

    def unwrap(self, data: bytes) -> bytes:
        """Raises CheckFailedError where nothing comes of it."""
        self._from_server.write(data)
        try:
            return self._tls.read(64 * 1024)
        except ssl.SSLError as error:
            raise CheckFailedError(Status.CRITICAL, "the server's protected answer cannot be read") from error


def parse_certificate(data: bytes) -> x509.Certificate | None:
    """The first certificate in the server's part of a TLS 1.2 handshake; None where there is none, or not yet.

    Raises CheckFailedError for one that cannot be read.
    """
    messages = _messages(data)
    while len(messages) >= 4:
        kind, size = messages[0], int.from_bytes(messages[1:4])
        body, messages = messages[4 : 4 + size], messages[4 + size :]
        if kind == _CERTIFICATE_MESSAGE and len(body) == size and size > 6:
            first = int.from_bytes(body[3:6])
            try:
                return x509.load_der_x509_certificate(body[6 : 6 + first])
            except ValueError as error:
                text = f"the server's certificate cannot be read: {error}"
                raise CheckFailedError(Status.CRITICAL, text) from error
    return None


def _messages(data: bytes) -> bytes:
    """The handshake messages, put together from their records."""
    messages = bytearray()
    while len(data) >= 5:
        kind, _, size = struct.unpack(">BHH", data[:5])
        if kind != _HANDSHAKE_RECORD:
            break
        messages += data[5 : 5 + size]
        data = data[5 + size :]
    return bytes(messages)


def decode(text: str) -> bytes:
    """A token of base64. Raises CheckFailedError."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CheckFailedError(Status.CRITICAL, f"the server sent a token that is no base64: {text[:80]!r}") from error


def encode(data: bytes) -> bytes:
    return base64.b64encode(data)
