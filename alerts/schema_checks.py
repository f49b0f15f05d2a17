"""Tables of tests of devices, audits, hand-overs of shifts.

What may live here: tables on the one MetaData, nothing that reads or writes them.
"""

from __future__ import annotations
