"""Tables of what is held back, until when and why.

What may live here: tables on the one MetaData, nothing that reads or writes them.
"""

from __future__ import annotations
