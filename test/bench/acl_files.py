#!/usr/bin/env python3
"""The bench's rules and a trace of packets that pass them by, as dpdk-test-acl reads them (ClassBench's formats).
usage: acl_files.py RULES DIR"""
import random
import sys

rules, work = int(sys.argv[1]), sys.argv[2]
with open(f'{work}/rules', 'w', encoding='ascii') as f:
    for i in range(rules):
        x = i * 2654435761 & 0xffffffff
        f.write(f'@10.{x >> 24}.{x >> 16 & 255}.0/24\t172.{16 + (i & 15)}.{i >> 4 & 255}.{i >> 12 & 255}/32\t0 : 65535\t'
                f'{x & 0xffff} : {x & 0xffff}\t{"0x06" if i % 3 == 0 else "0x11"}/0xff\n')
r = random.Random(1)
with open(f'{work}/trace', 'w', encoding='ascii') as f:
    for _ in range(65536):
        f.write(f'{10 << 24 | r.getrandbits(24)}\t{20 << 24 | r.getrandbits(24)}\t{r.randint(1024, 65535)}\t'
                f'{r.randint(5000, 5999)}\t17\n')
