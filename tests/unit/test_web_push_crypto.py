"""The standards of web push, against the worked example that RFC 8291 prints."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from alerts.channels.web_push_crypto import (
    CURVE,
    check_keys,
    decrypt,
    encrypt,
    from_base64url,
    public_bytes,
    vapid_is_genuine,
    vapid_token,
)

PLAIN = b"When I grow up, I want to be a watermelon"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
BROWSER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(from_base64url(text), "big"), CURVE)


SENDER, RECEIVER = (
    private("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"),
    private("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
)


def test_the_body_is_the_one_of_the_standard():
    """Byte for byte what RFC 8291 section 5 shows, and the browser reads it."""
    body = encrypt(PLAIN, BROWSER, AUTH, SENDER, from_base64url("DGv6ra1nlYgDCS1FRnbzlw"))

    assert body == from_base64url(BODY)
    assert decrypt(body, RECEIVER, AUTH) == PLAIN


def test_the_senders_word_is_genuine_only_with_its_own_key():
    """A push service refuses what somebody else has signed, or what was altered."""
    token = vapid_token(SENDER, "https://push.example.org", "mailto:drift@example.org", 2_000_000_000)

    assert vapid_is_genuine(token, public_bytes(SENDER))
    assert not vapid_is_genuine(token, public_bytes(RECEIVER))
    assert not vapid_is_genuine(token.replace("e", "f", 1), public_bytes(SENDER))


@pytest.mark.parametrize(("p256dh", "auth"), [(BROWSER[:-4], AUTH), ("%%%", AUTH), ("", ""), (BROWSER, "AAAA")])
def test_keys_that_are_none_are_refused(p256dh, auth):
    """Whatever a browser sends: a point off the curve, no base64, too short."""
    with pytest.raises(ValueError, match=r"."):
        check_keys(p256dh, auth)
