"""Matches that limit: connlimit, hashlimit, time.

A case takes the kernel a tenth of a second and Ringwall's clock eight: rates are of hours and days, and nothing expires.
The kernel refuses larger bursts at fewer a day.
"""


def connlimit(m, place, words):
    # Within a tick the kernel counts a connection again with each packet of it: there are enough of them, or none.
    if place.table == 'raw':
        return None
    out = m.r.choice(['--connlimit-above 0', '--connlimit-upto 0', '--connlimit-above 1000', '--connlimit-upto 1000'])
    if m.chance(0.5):
        out += f' --connlimit-mask {m.r.choice([0, 8, 24, 31])}'
    # Linux 6.18 drops packets of a connection that is closed already where its address has no other.
    return f'-m state --state NEW -m connlimit {m.no()}{out}' + m.r.choice(['', ' --connlimit-daddr'])


def hashlimit(m, place, words):
    # A table is what its first rule asks, and a name stands for one kind only: rules that share one differ in the rest.
    kind = m.r.choice(['packets', 'packets', 'packets', 'rate', 'bytes', 'few'])
    how = m.r.choice(['upto', 'above'])
    if kind == 'packets':
        out = f'--hashlimit-{how} {m.r.choice(["1/hour", "2/hour", "10/hour", "5/day", "10/day"])}'
        out += m.r.choice(['', ' --hashlimit-burst 1', ' --hashlimit-burst 2', ' --hashlimit-burst 3'])
    elif kind == 'rate':
        out = f'--hashlimit-{how} {m.r.choice([1, 2, 3])}/sec --hashlimit-burst {m.r.choice([1, 2])} --hashlimit-rate-match'
    elif kind == 'bytes':
        out = f'--hashlimit-{how} {m.r.choice([48, 128, 320])}b/s --hashlimit-rate-match'
    else:
        out = f'--hashlimit-{how} 5/hour --hashlimit-htable-size 3 --hashlimit-htable-max {m.r.choice([3, 4])}'
    if 'rate-match' in out:
        out += f' --hashlimit-rate-interval {m.r.choice([1000, 3600])} --hashlimit-htable-expire 3600000'
    mode = m.r.sample(['srcip', 'srcport', 'dstip', 'dstport'], m.r.choice([0, 1, 1, 2, 4]))
    if mode:
        out += ' --hashlimit-mode ' + ','.join(mode)
    if m.chance(0.3):
        out += f' --hashlimit-srcmask {m.r.choice([0, 8, 24] if m.family == 4 else [0, 48, 64, 127])}'
    if m.chance(0.2):
        out += f' --hashlimit-dstmask {m.r.choice([0, 24, 31] if m.family == 4 else [0, 32, 64])}'
    return f'-m hashlimit {out} --hashlimit-name {kind}{m.r.choice("ab")}'


def time(m, place, words):
    # The kernel asks its own clock, Ringwall that of the case, which begins in 1970: what is true or false of both.
    if m.chance(0.6):
        out = m.r.choice(['', '--timestart 00:00 --timestop 23:59:59', '--timestart 12:00 --timestop 11:59:59',
                          '--weekdays Mon,Tue,Wed,Thu,Fri,Sat,Sun', '--monthdays ' + ','.join(map(str, range(1, 32))),
                          '--datestop 2038', '--kerneltz'])
    else:
        out = m.r.choice(['--datestart 2037', '--datestart 2030 --datestop 2029',
                          '--datestart 2037-05-05T05:05:05 --timestart 05:00 --timestop 04:00 --contiguous',
                          '--datestart 2037 --weekdays Mon --kerneltz', '--datestart 2037 --monthdays 1,2,31'])
    return f'-m time {out}'.rstrip()


MATCHES = [connlimit, hashlimit, hashlimit, time]
