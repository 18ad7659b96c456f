"""Certificates for a test server: an authority, and the certificates it signed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def write_certificates(folder: Path) -> None:
    """Write ca.pem; server.pem and .key, for the host `localhost` alone; client.pem and .key."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("authority", authority_key, "authority", authority_key, is_ca=True)
    _write(folder / "ca", authority)
    for name, common_name in (("server", "localhost"), ("client", "client")):
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder / name, _certificate(common_name, key, "authority", authority_key), key)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])


def _write(
    path: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey | None = None
) -> None:
    pem = serialization.Encoding.PEM
    path.with_suffix(".pem").write_bytes(certificate.public_bytes(pem))
    if key:
        form = serialization.PrivateFormat.PKCS8
        text = key.private_bytes(pem, form, serialization.NoEncryption())
        path.with_suffix(".key").write_bytes(text)
        path.with_suffix(".key").chmod(0o600)
