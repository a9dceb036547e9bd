#!/usr/bin/env python3
"""ringwall.conf and policy.yaml of the testpmd bench. usage: memif_conf.py RULES CORE DIR"""
import sys

rules, core, work = int(sys.argv[1]), sys.argv[2], sys.argv[3]
FLOWGEN_MAC = '00:01:02:03:04:01'  # where dpdk-testpmd's flowgen mode sends to
PORT = '{{ name = "{0}"; device = "net_memif{1},role=server,id=0,socket={2}/{1}.sock,socket-abstract=no,rsize=11"; ' \
       'lladdr = "{3}"; addresses = [ "{4}" ]; twin = "none"; }}'
with open(f'{work}/ringwall.conf', 'w', encoding='ascii') as f:
    f.write(f'eal = [ "--no-huge", "-m", "1024", "--no-pci", "--no-telemetry", "--lcores", "(0-1)@{core}" ];\n'
            f'workers = [ 1 ];\npolicy = "policy.yaml";\ncontrol = "{work}/control.sock";\n'
            'ports = ( ' + ',\n  '.join([PORT.format('lan', 0, work, FLOWGEN_MAC, '192.168.1.1/24'),
                                         PORT.format('wan', 1, work, '02:00:00:00:00:02', '198.51.100.1/24')]) + ' );\n'
            'routes = ( { to = "10.254.0.0/16"; via = "192.168.1.2"; }, { to = "0.0.0.0/0"; via = "198.51.100.254"; } );\n'
            'neighbours = ( { port = "lan"; address = "192.168.1.2"; lladdr = "02:00:00:00:01:02"; },\n'
            '  { port = "wan"; address = "198.51.100.254"; lladdr = "02:00:00:00:02:fe"; } );\n')
with open(f'{work}/policy.yaml', 'w', encoding='ascii') as f:
    f.write('version: 1\ntables:\n  filter:\n    FORWARD:\n      policy: ACCEPT\n      rules:\n'
            '        - { ctstate: [ESTABLISHED, RELATED], jump: ACCEPT }\n')
    for i in range(rules):
        x = i * 2654435761 & 0xffffffff
        proto = 'tcp' if i % 3 == 0 else 'udp'
        f.write(f'        - {{ source: 11.{x >> 24}.{x >> 16 & 255}.0/24, destination: 172.{16 + (i & 15)}.{i >> 4 & 255}.'
                f'{i >> 12 & 255}, protocol: {proto}, dport: {x & 0xffff}, jump: DROP }}\n')
    f.write('  nat:\n    POSTROUTING:\n      policy: ACCEPT\n      rules:\n'
            '        - { out-interface: wan, jump: MASQUERADE }\n')
