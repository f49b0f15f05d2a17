"""The tests as one package, so that `from tests.support.servers import ...` works under pytest, mypy and `python -m`.

Only this folder has an __init__.py (a stray distribution `tests` in site-packages would otherwise win over it);
the folders by kind below it have none and are never named like one of our packages.
"""
