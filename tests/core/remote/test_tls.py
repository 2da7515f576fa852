"""HTTPS: a server that cannot prove its identity gets no credential."""

from __future__ import annotations

import datetime as dt
import math
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.fake_issuer import Issuer, Reply
from token_exchange_core.remote.http import RemoteFault, Resource

PATH = "/resource"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost with its key, signed by nobody but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure_issuer(certificate: Path) -> Iterator[Issuer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    issuer = Issuer(context)
    issuer.says(PATH, Reply(body=b"{}"))
    yield issuer
    issuer.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


def ask(url: str) -> Any:
    resource = Resource(
        f"{url}{PATH}", max_bytes=100, timeout_seconds=5, authorization="ApiKey hidden"
    )
    return resource.get(deadline=math.inf, etag=None).body


class TestTls:
    def test_trusted_certificate(self, secure_issuer, certificate, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ask(secure_issuer.url) == b"{}"
        assert secure_issuer.asked(PATH) == 1

    def test_certificate_of_nobody(self, secure_issuer):
        with pytest.raises(RemoteFault) as refused:
            ask(secure_issuer.url)
        assert refused.value.reason == "connection"
        assert secure_issuer.received == []

    def test_certificate_of_another(self, secure_issuer, certificate, monkeypatch):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(RemoteFault):
            ask(secure_issuer.url.replace("localhost", "127.0.0.1"))
        assert secure_issuer.received == []
