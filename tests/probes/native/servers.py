"""Real listeners on loopback that answer as they are told, and certificates of a CA of their own."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)


@asynccontextmanager
async def listening(answer, *, address="127.0.0.1", tls=None):
    """A server that runs `answer(reader, writer)` for each connection; yields its port."""
    tasks = set()

    async def accept(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the check has gone, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(accept, address, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # a closed writer lets go of its socket in the next turn


def saying(*parts, pause_s=0.0, hang=False, reads=False):
    """An answer: these bytes, one after the other; then silence or the end."""

    async def answer(reader, writer):
        if reads:
            await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if hang:
            await asyncio.sleep(60)

    return answer


def http(body=b"hello", *, status="200 OK", headers=(), length=None):
    """An HTTP answer as bytes."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Authority:
    """A certificate authority of the test."""

    def __init__(self, folder, *, ends_days=365):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        self._numbers = 0
        builder = self._builder("Test CA", self._key, -365, ends_days).add_extension(
            x509.BasicConstraints(True, None), True
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        self.file = folder / "ca.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, name, key, starts_days, ends_days):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + starts_days * _DAY)
            .not_valid_after(now + ends_days * _DAY)
        )

    def issue(self, name="ce.example.org", *, starts_days=-30, ends_days=90, extensions=()):
        """A file with key and certificate for that name."""
        self._numbers += 1
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = self._builder(name, key, starts_days, ends_days).add_extension(names, False)
        for extension in extensions:
            certificate = certificate.add_extension(extension, False)
        signed = certificate.sign(self._key, hashes.SHA256())
        path = self._folder / f"server{self._numbers}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + signed.public_bytes(serialization.Encoding.PEM)
        )
        return path

    def server(self, name="ce.example.org", **fields):
        """A server's context with a certificate for that name."""
        return self.context(self.issue(name, **fields))

    def context(self, file):
        """A server's context with what `issue` made."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def revocations(self, *, updated_days=-1, next_days=6, revoked=()):
        """A list of revoked certificates, PEM."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now + updated_days * _DAY)
            .next_update(now + next_days * _DAY)
        )
        for number in revoked:
            one = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now - _DAY)
            builder = builder.add_revoked_certificate(one.build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
