"""The little world of the differential test: one gateway with two ports, hosts on both sides and beyond.

The same facts reach the kernel (ip addr, ip route, ip neigh) and Ringwall (ringwall.conf), and tell the packet
generator who lives where.
"""
import ipaddress

PORTS = ('lan', 'wan')
MAC = {'lan': '02:00:00:00:01:01', 'wan': '02:00:00:00:02:01'}
MTU = {'lan': 1500, 'wan': 1400}
ADDRESSES = {
    'lan': ['192.168.1.1/24', '2001:db8:1::1/64'],
    'wan': ['198.51.100.1/24', '198.51.100.7/24', '2001:db8:2::1/64', '2001:db8:2::7/64'],
}
# to, via (None: a black hole)
ROUTES = [
    ('0.0.0.0/0', '198.51.100.254'), ('10.9.0.0/16', '192.168.1.11'), ('10.66.0.0/16', None),
    ('::/0', '2001:db8:2::fe'), ('2001:db8:9::/48', '2001:db8:1::11'), ('2001:db8:66::/48', None),
]
LAN = {4: ['192.168.1.10', '192.168.1.11', '192.168.1.12', '10.9.0.5'],
       6: ['2001:db8:1::10', '2001:db8:1::11', '2001:db8:1::12', '2001:db8:9::5']}
WAN = {4: ['198.51.100.2', '198.51.100.3', '203.0.113.5', '203.0.113.80', '192.0.2.33'],
       6: ['2001:db8:2::2', '2001:db8:2::3', '2001:db8:f::5', '2001:db8:f::80', '2001:db8:33::33']}
ROUTER = {4: {'lan': '192.168.1.11', 'wan': '198.51.100.254'}, 6: {'lan': '2001:db8:1::11', 'wan': '2001:db8:2::fe'}}
OWN = {4: ['192.168.1.1', '198.51.100.1', '198.51.100.7'],
       6: ['2001:db8:1::1', '2001:db8:2::1', '2001:db8:2::7']}
NOWHERE = {4: ['10.66.0.1'], 6: ['2001:db8:66::1']}
# The links' networks, and who would be there if NETMAP brought each known host part to them.
LINK = {'lan': {4: '192.168.1.0', 6: '2001:db8:1::'}, 'wan': {4: '198.51.100.0', 6: '2001:db8:2::'}}
HOST_PARTS = {f: sorted({int(ipaddress.ip_address(a)) % 256 for t in (LAN, WAN, OWN, ROUTER) for a in (
    t[f].values() if isinstance(t[f], dict) else t[f])}) for f in (4, 6)}


def mapped(port, family):
    """The addresses on a port's link with these host parts, but for the gateway's own."""
    base = ipaddress.ip_address(LINK[port][family])
    return [a for a in (str(base + h) for h in HOST_PARTS[family]) if a not in OWN[family]]


NEIGHBOURS = [(port, host) for port, table in (('lan', LAN), ('wan', WAN)) for family in (4, 6)
              for host in table[family] + [ROUTER[family][port]] + mapped(port, family)
              if any(ipaddress.ip_address(host) in ipaddress.ip_network(a, strict=False) for a in ADDRESSES[port])]
NEIGHBOURS = list(dict.fromkeys(NEIGHBOURS))

# Every port number that a packet of the test carries: the host listens on all of them and says nothing.
SERVICES = [22, 53, 80, 443, 8080, 5353]
CLIENTS = [1023, 1025, 32768, 40000, 40001, 40002, 40003, 40004, 40005, 40006, 45000, 51000, 52000, 53000, 65534, 65535]
TARGETS = [81, 2222, 8443, 40050]
HELPED = [20, 21, 69, 5060, 30000, 30001, 30002, 30003, 30004, 30005, 31000, 31001]
ALL_PORTS = sorted(set(SERVICES + CLIENTS + TARGETS + HELPED))


def lladdr(address):
    """The MAC of a host: 02:00 and the last four bytes of its address."""
    return '02:00:' + ':'.join(f'{b:02x}' for b in ipaddress.ip_address(address).packed[-4:])


def route(address):
    """('local', port), ('lan'|'wan', next hop) or (None, None) for a black hole."""
    a = ipaddress.ip_address(address)
    for port in PORTS:
        for own in ADDRESSES[port]:
            if a == ipaddress.ip_interface(own).ip:
                return 'local', port
    for port in PORTS:
        for own in ADDRESSES[port]:
            if a in ipaddress.ip_network(own, strict=False):
                return port, address
    best = max((ipaddress.ip_network(to) for to, _ in ROUTES if a in ipaddress.ip_network(to)),
               key=lambda n: n.prefixlen)
    via = dict((ipaddress.ip_network(to), via) for to, via in ROUTES)[best]
    return (route(via)[0], via) if via else (None, None)


def conf(policy, control):
    """ringwall.conf of this world."""
    port = ',\n  '.join('{ name = "%s"; device = "net_null%d"; lladdr = "%s"; mtu = %d; twin = "none"; addresses = [ %s ]; }'
                        % (p, i, MAC[p], MTU[p], ', '.join(f'"{a}"' for a in ADDRESSES[p]))
                        for i, p in enumerate(PORTS))
    routes = ',\n  '.join('{ to = "%s"; %s; }' % (to, f'via = "{via}"' if via else 'blackhole = true')
                          for to, via in ROUTES)
    neighbours = ',\n  '.join('{ port = "%s"; address = "%s"; lladdr = "%s"; }' % (p, h, lladdr(h))
                              for p, h in NEIGHBOURS)
    return f'''eal = [ "--no-huge", "--no-pci", "--no-shconf", "-m", "256", "-l", "0" ];
policy = "{policy}";
control = "{control}";
sizes = {{ flows = 4096; mbufs = 4096; }};
log = {{ rate = 0; }};
ports = (
  {port}
);
routes = (
  {routes}
);
neighbours = (
  {neighbours}
);
'''
