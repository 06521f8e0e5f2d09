"""The proxy's certificate authority, and the certificate that it gives to the hosts of Threads.

The authority is good for ``threads.net``, ``threads.com`` and what is below them, and for nothing else (RFC
5280, section 4.2.1.10): whoever gets hold of its key cannot deceive a client that trusts it.
"""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

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

from emulator.base.json_body import Malformed

if TYPE_CHECKING:
    from collections.abc import Sequence

DOMAINS = ("threads.net", "threads.com")

#: How long an authority lasts that is kept in a folder, and the certificate of one run.
AUTHORITY_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=30)
#: A client's clock may be behind.
_ALLOWANCE = timedelta(days=1)

_CERTIFICATE, _KEY = "ca.pem", "ca-key.pem"


class Authority:
    """A certificate authority whose certificate and key lie in a folder."""

    def __init__(self, folder: Path) -> None:
        """Take the authority of a folder, or make one. Raises Malformed if there is one that is broken."""
        self.file = folder / _CERTIFICATE
        key_file = folder / _KEY
        if not self.file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            key_file.touch(mode=0o600)
            self._key, self._certificate = _new_authority()
            key_file.write_bytes(_pem(self._key))
            self.file.write_bytes(self._certificate.public_bytes(Encoding.PEM))
            return
        try:
            self._certificate = x509.load_pem_x509_certificate(self.file.read_bytes())
            key = load_pem_private_key(key_file.read_bytes(), None)
        except (OSError, ValueError) as problem:
            raise Malformed(f"{folder} has no certificate authority that can be read: {problem}") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Malformed(f"{key_file} has a key of another kind")
        self._key = key

    def server_context(self, hosts: Sequence[str]) -> ssl.SSLContext:
        """Return what a TLS server for these hosts needs, with a new certificate for all of them."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(hosts[0], self._certificate.subject, key, CERTIFICATE_LIFETIME)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        with TemporaryDirectory() as name:  # the ssl module reads keys from files only
            chain = Path(name) / "chain.pem"
            chain.touch(mode=0o600)
            chain.write_bytes(_pem(key) + certificate.public_bytes(Encoding.PEM))
            context.load_cert_chain(chain)
        return context


def _new_authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Threads emulator, this machine only")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    permitted = [x509.DNSName(domain) for domain in DOMAINS]
    certificate = (
        _builder("Threads emulator, this machine only", name, key, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _ALLOWANCE)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
