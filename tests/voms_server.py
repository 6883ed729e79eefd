"""A small VOMS server on loopback: HTTPS with client certificates, real attribute certificates, every way to be bad."""

import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gridkeeper.probes.native.ber import SEQUENCE, SET, encode, integer
from tests.certificates import Authority, Files

HOST = "voms.example.org"
SUBJECT = (("DC", "org"), ("CN", HOST))
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
#: FQANs and certificates of VOMS; noRevAvail and authorityKeyIdentifier of RFC 5755 section 4.3.
_FQANS, _CERTIFICATES = bytes.fromhex("2b06010401be45646404"), bytes.fromhex("2b06010401be4564640a")
_NO_REVOCATION, _KEY_IDENTIFIER = bytes.fromhex("551d38"), bytes.fromhex("551d23")


def _time(moment: datetime) -> bytes:
    return encode(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def _extension(oid: bytes, content: bytes) -> bytes:
    return encode(SEQUENCE, encode(0x06, oid), encode(0x04, content))


class SmallVoms:
    """Grants to members what they ask for, as far as they may.

    members: FQANs by subject of the client's certificate, RFC 4514; answer: what is said instead, with its status
    holder: to whom attributes are made out instead; warning: said beside them
    """

    def __init__(self, authority: Authority, *, vo: str = "dteam") -> None:
        self.files, self.vo = authority.issue(*SUBJECT, host="127.0.0.1"), vo
        self.certificate = x509.load_pem_x509_certificate(self.files.certificate.read_bytes())
        self.key = serialization.load_pem_private_key(self.files.key.read_bytes(), None)
        self.members: dict[str, list[str]] = {}
        self.asked: list[dict[str, str]] = []
        self.answer: tuple[int, bytes] | None = None
        self.holder: x509.Certificate | None = None
        self.warning, self.life, self.since = "", timedelta(hours=6), timedelta(0)
        self.url = ""

    def join(self, files: Files, *fqans: str) -> None:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        self.members[certificate.subject.rfc4514_string()] = list(fqans)

    def reply(self, client: x509.Certificate, query: str) -> tuple[int, bytes]:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        self.asked.append(asked)
        if self.answer:
            return self.answer
        may = self.members.get(client.subject.rfc4514_string())
        if may is None:
            return 403, b"<voms><error><code>NoSuchUser</code><message>not a member</message></error></voms>"
        wanted = [fqan for fqan in asked["fqans"].split(",") if fqan in may]
        now = datetime.now(UTC).replace(microsecond=0) + self.since
        ending = now + min(self.life, timedelta(seconds=int(asked["lifetime"])))
        granted = [*wanted, *(fqan for fqan in may if fqan not in wanted)]
        der = self.attributes(self.holder or client, granted, now, ending)
        warning = f"<warning><code>2</code><message>{self.warning}</message></warning>" if self.warning else ""
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<voms><ac>{b64encode(der).decode()}</ac>{warning}</voms>'
        return 200, text.encode()

    def attributes(self, holder: x509.Certificate, fqans: list[str], since: datetime, until: datetime) -> bytes:
        """An attribute certificate as VOMS writes it, signed."""
        name = encode(SEQUENCE, encode(0xA4, holder.issuer.public_bytes()))
        issuer = encode(0xA0, encode(SEQUENCE, encode(0xA4, self.certificate.subject.public_bytes())))
        granted = [encode(0x04, f"{fqan}/Capability=NULL".encode()) for fqan in fqans]
        authority = encode(0xA0, encode(0x86, f"{self.vo}://{HOST}:15004".encode()))
        syntax = encode(SEQUENCE, authority, encode(SEQUENCE, *granted))
        chain = self.certificate.public_bytes(serialization.Encoding.DER)
        key = x509.SubjectKeyIdentifier.from_public_key(self.certificate.public_key()).digest
        info = encode(
            SEQUENCE,
            integer(1),
            encode(SEQUENCE, encode(0xA0, name, integer(holder.serial_number))),
            issuer,
            _ECDSA_SHA256,
            integer(len(self.asked) + 1),
            encode(SEQUENCE, _time(since), _time(until)),
            encode(SEQUENCE, encode(SEQUENCE, encode(0x06, _FQANS), encode(SET, syntax))),
            encode(
                SEQUENCE,
                _extension(_CERTIFICATES, encode(SEQUENCE, encode(SEQUENCE, chain))),
                _extension(_NO_REVOCATION, bytes.fromhex("0500")),
                _extension(_KEY_IDENTIFIER, encode(SEQUENCE, encode(0x80, key))),
            ),
        )
        signature = self.key.sign(info, ec.ECDSA(hashes.SHA256()))
        return encode(SEQUENCE, info, _ECDSA_SHA256, encode(0x03, b"\0", signature))


def _handler(voms: SmallVoms) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            client = x509.load_der_x509_certificate(self.connection.getpeercert(binary_form=True))
            status, body = voms.reply(client, parts.query) if parts.path.endswith("/generate-ac") else (404, b"")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that hangs up in the handshake is what some tests are about."""


@contextmanager
def running(voms: SmallVoms, authority: Authority) -> Iterator[SmallVoms]:
    """Listens at a free port until the end of the block."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(voms.files.certificate, voms.files.key)
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    server = _Server(("127.0.0.1", 0), _handler(voms))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    voms.url = f"https://127.0.0.1:{server.server_port}/voms/{voms.vo}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield voms
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
