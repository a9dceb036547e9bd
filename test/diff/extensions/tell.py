"""LOG, NFLOG, AUDIT, TRACE, TEE."""
import world

FLAGS = ['--log-tcp-sequence', '--log-tcp-options', '--log-ip-options', '--log-uid', '--log-macdecode']


def log(maker, place, words):
    out = f'-j LOG --log-prefix "dt{maker.r.choice(["", " ", ":in ", "x" * 27, "é"])}"'  # see kernel_log.py
    if maker.chance(0.3):
        out += ' --log-level ' + maker.r.choice(['0', '3', 'debug', 'info', 'warning'])
    return ' '.join([out] + [f for f in FLAGS if maker.chance(0.5)])


def nflog(maker, place, words):
    out = '-j NFLOG'
    if maker.chance(0.5):
        out += ' --nflog-prefix ' + maker.r.choice(['x', '"a b"', 'y' * 63])
    if maker.chance(0.5):
        out += f' --nflog-group {maker.r.choice([1, 5, 65535])}'
    if maker.chance(0.3):
        out += ' --nflog-size ' + maker.r.choice(['0', '20', '96'])
    elif maker.chance(0.2):
        out += ' --nflog-range 40'
    return out + (' --nflog-threshold 5' if maker.chance(0.2) else '')


def audit(maker, place, words):
    return '-j AUDIT --type ' + maker.r.choice(['accept', 'drop', 'reject'])


def trace(maker, place, words):
    return '-j TRACE' if place.table == 'raw' else None


def tee(maker, place, words):
    """--oif is the port that the routes say, or none that there is: see ringwall-policy(5) about others."""
    side = maker.r.choice(['lan', 'wan'])
    gateway = maker.r.choice((world.LAN if side == 'lan' else world.WAN)[maker.family])
    if maker.chance(0.1):
        gateway = world.NOWHERE[maker.family][0]
        side = 'eth9'
    return f'-j TEE --gateway {gateway}' + (f' --oif {maker.r.choice([side, "eth9"])}' if maker.chance(0.3) else '')


TARGETS = [log, log, log, nflog, audit, trace, trace, tee]
