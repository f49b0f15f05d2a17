"""The board: pages rendered on the server for the people on duty. Pure modules put words and shapes to what the
desk answers (`format`, `words`, `cards`, `why`, `alert_view`, `band`, `frame`); `page`, `reads` and the `pages_*`
modules are edges.
"""
