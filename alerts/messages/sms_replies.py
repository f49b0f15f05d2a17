"""Pure: what an SMS that comes back says.

| text | is |
|---|---|
| `R17 1`, `r17: ja`, `R17 yes`, `1 R17` | I take it |
| `R17 0`, `r17 nei`, `R17 no` | I cannot |
| `1`, `0` alone | the same, where the sender was told of one open alert only |
| anything else | not understood: the sender is told how |

The reference is the tag of the home's key as the message named it, or `#` and its number.
"""

from __future__ import annotations

import msgspec

TAKE, CANNOT = "take", "cannot"
WORDS = {"1": TAKE, "ja": TAKE, "yes": TAKE, "j": TAKE, "0": CANNOT, "nei": CANNOT, "no": CANNOT, "n": CANNOT}
TEXT_MAX = 200


class Reply(msgspec.Struct, frozen=True):
    """What was understood. `ref` "" = no alert was named."""

    ref: str
    answer: str


def parse_reply(text: str) -> Reply | None:
    """None for what cannot be understood."""
    words = text[:TEXT_MAX].replace(":", " ").replace(",", " ").split()
    words = [word.strip(".!\"'«»") for word in words]
    if not words:
        return None
    for place in (-1, 0):
        answer = WORDS.get(words[place].casefold())
        if answer is not None:
            rest = words[:-1] if place else words[1:]
            return Reply(normal_ref(" ".join(rest)), answer)
    return None


def normal_ref(ref: str) -> str:
    """References are compared without spaces, hyphens and case: people type `r 17`."""
    return "".join(char for char in ref.casefold() if char not in " -")
