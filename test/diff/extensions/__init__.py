"""Matches and targets that random rules draw, a module per kind of extension.

A module has MATCHES and TARGETS: lists of functions that get (maker, place, words) and return the text of one match
or target, or None where it cannot stand there. `maker` is policies.Maker (its r is the random generator), `place` says
where the rule is, `words` are the matches that the rule has already ("-p tcp", ...). A target here is one after which
the walk goes on, or one that needs more than policies.py knows. NAT_TARGETS are those that translate.
"""
import collections
import importlib
import pkgutil

Place = collections.namedtuple('Place', 'table chain user')  # user: a user chain, reached from any hook of the table

_modules = [importlib.import_module(f'{__name__}.{m.name}') for m in sorted(pkgutil.iter_modules(__path__), key=str)]
MATCHES = [f for m in _modules for f in getattr(m, 'MATCHES', [])]
TARGETS = [f for m in _modules for f in getattr(m, 'TARGETS', [])]
NAT_TARGETS = [f for m in _modules for f in getattr(m, 'NAT_TARGETS', [])]
narrowed = False


def only(names):
    """From now on random rules draw just the functions of these names."""
    global narrowed
    narrowed = True
    MATCHES[:] = [f for f in MATCHES if f.__name__ in names]
    TARGETS[:] = [f for f in TARGETS if f.__name__ in names]
    NAT_TARGETS[:] = [f for f in NAT_TARGETS if f.__name__ in names]


def draw(functions, maker, place, words):
    """The text that one of the functions gives, or None."""
    return maker.r.choice(functions)(maker, place, words) if functions else None
