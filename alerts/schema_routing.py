"""Tables of who is rung, as data.

What may live here: tables on the one MetaData, nothing that reads or writes them.
"""

from __future__ import annotations
