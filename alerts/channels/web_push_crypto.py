"""Pure in effect: the two standards of web push. Chance and time are given.

RFC 8291 (the text is encrypted for one browser, `aes128gcm` of RFC 8188) and RFC 8292 (VAPID: the sender signs who it
is). Checked against the worked example of RFC 8291, section 5.
"""

from __future__ import annotations

import base64
import binascii
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD_SIZE = 4_096
CURVE = ec.SECP256R1()
POINT_BYTES, AUTH_BYTES, SALT_BYTES = 65, 16, 16


def unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def from_base64url(text: str) -> bytes:
    """Raises ValueError for what is none."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64url") from error


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The point that browsers are given."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def check_keys(p256dh: str, auth: str) -> None:
    """Raises ValueError when these are not the keys of a subscription."""
    ec.EllipticCurvePublicKey.from_encoded_point(CURVE, from_base64url(p256dh))
    if len(from_base64url(auth)) != AUTH_BYTES:
        raise ValueError("auth is 16 bytes")


def encrypt(text: bytes, p256dh: str, auth: str, sender: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body of a push (RFC 8291 §3.4, one record). `sender` and `salt` are new for each. Raises ValueError for keys
    that are none.
    """
    receiver = from_base64url(p256dh)
    point = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, receiver)
    shared, ours = sender.exchange(ec.ECDH(), point), public_bytes(sender)
    secret = _hkdf(from_base64url(auth), shared, b"WebPush: info\0" + receiver + ours, 32)
    key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_SIZE.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(key).encrypt(nonce, text + b"\x02", None)


def decrypt(body: bytes, receiver: ec.EllipticCurvePrivateKey, auth: str) -> bytes:
    """What the browser reads of it: for those who check what went out."""
    salt, length = body[:SALT_BYTES], body[SALT_BYTES + 4]
    start = SALT_BYTES + 5
    theirs, sealed = body[start : start + length], body[start + length :]
    shared = receiver.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, theirs))
    secret = _hkdf(from_base64url(auth), shared, b"WebPush: info\0" + public_bytes(receiver) + theirs, 32)
    key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
    return AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")[:-1]


def vapid_token(key: ec.EllipticCurvePrivateKey, audience: str, contact: str, until_s: int) -> str:
    """The signed word of RFC 8292: a JWT with ES256."""
    head = unpadded(json.dumps({"typ": "JWT", "alg": "ES256"}).encode())
    claims = unpadded(json.dumps({"aud": audience, "exp": until_s, "sub": contact}).encode())
    signed = f"{head}.{claims}".encode()
    r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return f"{head}.{claims}.{unpadded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def vapid_is_genuine(token: str, point: bytes) -> bool:
    """What a push service checks."""
    signed, _, mark = token.rpartition(".")
    raw = from_base64url(mark)
    signature = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point).verify(
            signature, signed.encode(), ec.ECDSA(hashes.SHA256())
        )
    except InvalidSignature:
        return False
    return True


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)
