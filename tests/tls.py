"""TLS on this machine as platforms have it: a certificate that signed itself, and handshakes that take as long as they like.

A slow handshake is how a connection takes seconds: the client has connected, and waits to send.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def self_signed(path: Path) -> ssl.SSLContext:
    """Write a certificate for 127.0.0.1, good for two hours, and its key to `path`; gives the server's side.

    Whoever takes the file for an authority trusts it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    own_key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(own_key + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def late_server(talk: Talk, tls: ssl.SSLContext, seconds: Callable[[], float]) -> AsyncIterator[str]:
    """Listen on loopback while the block lasts; gives host and port. Each handshake begins so many `seconds` late."""
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def keep(task: asyncio.Task[None] | None) -> None:
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keep(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError):
            await talk(reader, writer)
        writer.close()

    async def begin(accepted: socket.socket) -> None:
        await asyncio.sleep(seconds())
        with suppress(OSError):  # the client may have gone
            protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader(), serve)
            await loop.connect_accepted_socket(lambda: protocol, accepted, ssl=tls)

    async def listen(listening: socket.socket) -> None:
        while True:
            accepted, _ = await loop.sock_accept(listening)
            accepted.settimeout(0)
            keep(loop.create_task(begin(accepted)))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0)
        accepting = asyncio.create_task(listen(listening))
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ending = (accepting, *tasks)
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)
