"""The target NETMAP: one address for each, in every chain of nat."""
import world

# Behind routers every host part is as good as any other.
FAR = {4: ['10.9.0.5', '203.0.113.5', '203.0.113.80', '192.0.2.33'],
       6: ['2001:db8:9::5', '2001:db8:f::5', '2001:db8:f::80', '2001:db8:33::33']}
LENGTHS = {4: [32, 31, 30, 28, 24, 23, 16], 6: [128, 127, 124, 120, 96, 64, 63, 48]}


def netmap(maker, place, words):
    if maker.chance(0.4):
        return f'-j NETMAP --to {maker.r.choice(FAR[maker.family])}/{maker.r.choice(LENGTHS[maker.family])}'
    # On a link only known hosts are there. What OUTPUT sends to the machine itself would take the loopback device,
    # which no port is; a user chain may stand there.
    own = world.OWN[maker.family] if place.chain != 'OUTPUT' and not place.user else []
    if maker.chance(0.5):
        return f'-j NETMAP --to {maker.r.choice(world.LAN[maker.family][:3] + world.WAN[maker.family][:2] + own)}'
    return f'-j NETMAP --to {world.LINK[maker.r.choice(world.PORTS)][maker.family]}/{24 if maker.family == 4 else 64}'


NAT_TARGETS = [netmap]
