"""addrtype and rpfilter: what the gateway's routing table knows of a packet's addresses."""
IN_HOOKS, OUT_HOOKS = ('PREROUTING', 'INPUT', 'FORWARD'), ('FORWARD', 'OUTPUT', 'POSTROUTING')
TYPES = {
    4: ['LOCAL', 'LOCAL', 'UNICAST', 'UNICAST', 'BROADCAST', 'BROADCAST', 'MULTICAST', 'ANYCAST', 'BLACKHOLE', 'UNREACHABLE', 'LOCAL,BROADCAST',
        'UNICAST,MULTICAST', 'UNSPEC', 'PROHIBIT,THROW,NAT,XRESOLVE'],
    6: ['LOCAL', 'LOCAL', 'UNICAST', 'UNICAST', 'MULTICAST', 'ANYCAST', 'UNREACHABLE', 'UNICAST,LOCAL', 'LOCAL,ANYCAST', 'UNSPEC',
        'UNICAST,MULTICAST', 'UNREACHABLE,LOCAL'],
}


def addrtype(maker, place, _words):
    sides = maker.r.choice([('dst',), ('dst',), ('src',), ('src', 'dst')])
    types = TYPES[maker.family]
    limit = ''
    if maker.chance(0.3) and not place.user:
        limit = ' --limit-iface-in' if place.chain in IN_HOOKS else ''
        if place.chain in OUT_HOOKS and (not limit or maker.chance(0.5)):
            limit = ' --limit-iface-out'
        if maker.family == 6:  # through one interface: refused by Ringwall, with the reason
            types = [t for t in types if 'UNREACHABLE' not in t]
    return '-m addrtype ' + ' '.join(f'{maker.no()}--{s}-type {maker.r.choice(types)}' for s in sides) + limit


def rpfilter(maker, place, _words):
    if place.table not in ('raw', 'mangle') or place.chain != 'PREROUTING' or place.user:
        return None
    return '-m rpfilter' + ''.join(f' --{o}' for o in ('loose', 'validmark', 'accept-local', 'invert') if maker.chance(0.4))


MATCHES = [addrtype, rpfilter]
