"""Targets that change the packet: TTL, HL, TOS, DSCP, ECN, CHECKSUM, TCPMSS, TCPOPTSTRIP."""


import functools


def mangle(function):
    """Only in that table."""
    @functools.wraps(function)
    def only_there(maker, place, words):
        return function(maker, place, words) if place.table == 'mangle' else None
    return only_there


def only_tcp(words):
    """What makes the rule one of TCP, or None where it is one of something else."""
    return '' if '-p tcp' in words else None if any('-p ' in w for w in words) else '-p tcp '


@mangle
def ttl(maker, place, words):
    name, option = ('TTL', 'ttl') if maker.family == 4 else ('HL', 'hl')
    how = maker.r.choice(['set', 'inc', 'dec'])
    return f'-j {name} --{option}-{how} {maker.r.choice([0, 1, 2, 64, 255] if how == "set" else [1, 1, 2, 63, 250, 255])}'


@mangle
def tos(maker, place, words):
    return '-j TOS ' + maker.r.choice(['--set-tos 0x10', '--set-tos 0xb8/0xfc', '--set-tos Minimize-Cost', '--and-tos 3',
                                       '--or-tos 0x41', '--xor-tos 0xff'])


@mangle
def dscp(maker, place, words):
    return '-j DSCP ' + maker.r.choice(['--set-dscp 0', '--set-dscp 63', '--set-dscp-class EF', '--set-dscp-class CS1'])


@mangle
def ecn(maker, place, words):
    if maker.family != 4:
        return None
    how = [f'--ecn-ip-ect {maker.r.randint(0, 3)}'] if maker.chance(0.5) else []
    if '-p tcp' in words and (not how or maker.chance(0.5)):
        how.append(maker.r.choice(['--ecn-tcp-remove', '--ecn-tcp-ece 1', '--ecn-tcp-cwr 1 --ecn-tcp-ece 0']))
    return '-j ECN ' + ' '.join(how or ['--ecn-ip-ect 1'])


@mangle
def checksum(maker, place, words):
    return '-j CHECKSUM --checksum-fill'


@mangle
def strip(maker, place, words):
    tcp = only_tcp(words)
    return None if tcp is None else tcp + '-j TCPOPTSTRIP' + maker.r.choice(['', ' --strip-options mss', ' --strip-options wscale,timestamp',
                                              ' --strip-options 2,3,4,5,8,254'])


def mss(maker, place, words):
    # The SYN must be asked for; clamping needs a route, which PREROUTING and INPUT do not have.
    syn = any('--syn' in w or '--tcp-flags' in w for w in words)
    tcp = only_tcp(words)
    if tcp is None or any('! --syn' in w or '--tcp-flags' in w for w in words):
        return None
    match = tcp + ('' if syn else '-m tcp --tcp-flags SYN,RST SYN ')
    if place.chain in ('FORWARD', 'OUTPUT', 'POSTROUTING') and maker.chance(0.6):
        return match + '-j TCPMSS --clamp-mss-to-pmtu'
    return match + f'-j TCPMSS --set-mss {maker.r.choice([0, 1, 536, 1200, 1400, 1460, 9000])}'


TARGETS = [ttl, ttl, tos, dscp, ecn, checksum, strip, mss, mss, mss]
