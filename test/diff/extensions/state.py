"""Matches that keep something from packet to packet.

What depends on how fast frames come (seconds, rates) is drawn so slow or so long that it does not in a case that takes
the kernel a tenth of a second and Ringwall's clock eight.
"""


def recent(m, place, words):
    what = m.r.choice(['set', 'set', 'set', 'rcheck', 'rcheck', 'update', 'update', 'remove'])
    out = f'-m recent {m.no()}--{what}'
    if what in ('rcheck', 'update'):
        if m.chance(0.4):
            out += f' --seconds {m.r.choice([60, 3600, 100000])}' + (' --reap' if m.chance(0.3) else '')
        if m.chance(0.6):
            out += f' --hitcount {m.r.choice([1, 2, 2, 3, 4, 5, 8, 40])}'
        if m.chance(0.3):
            out += ' --rttl'
    out += f' --name {m.r.choice("ab")}'
    if m.chance(0.3):
        out += ' --mask ' + m.r.choice(['255.255.255.0', '255.0.0.255', '0.0.0.0'] if m.family == 4 else
                                       ['ffff:ffff:ffff::', 'ffff::ff', '::'])
    return out + m.r.choice(['', '', ' --rdest'])


def part(m, place, words):
    what = m.r.choice(['nth', 'nth', 'quota', 'quota', 'random'])
    if what == 'nth':
        every = m.r.choice([1, 2, 3, 5])
        return f'-m statistic --mode nth {m.no(0.3)}--every {every} --packet {m.r.randrange(every)}'
    if what == 'quota':
        return f'-m quota {m.no(0.3)}--quota {m.r.choice([0, 40, 60, 100, 300, 1000, 10000])}'
    return f'-m statistic --mode random {m.no(0.3)}--probability {m.r.choice([0, 1])}'


MATCHES = [recent, recent, part, part]
