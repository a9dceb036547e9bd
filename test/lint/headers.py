#!/usr/bin/env python3
"""Every header of the project compiles alone, so nobody has to know what to include before it."""
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOMS = ['config', 'pipeline', 'acl', 'conntrack', 'nat', 'net', 'control', 'app', 'test']
LIBS = ['libdpdk', 'yaml-0.1', 'libconfig', 'jansson', 'libmnl', 'libpcap']


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else '.')
    cc = os.environ.get('CC', 'cc')
    # DPDK's own headers are not ours to keep free of warnings: -isystem.
    flags = shlex.split(subprocess.check_output(['pkg-config', '--cflags'] + LIBS, text=True))
    flags = [f.replace('-I', '-isystem', 1) if f.startswith('-I') else f for f in flags]
    command = [cc, '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-Wno-missing-field-initializers',
               '-Wno-unused-function', '-I', root, '-fsyntax-only'] + flags
    headers = []
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(root, room)):
            headers += [os.path.relpath(os.path.join(folder, n), root) for n in sorted(names) if n.endswith('.h')]

    def alone(header):
        text = f'#include "{header}"\n'
        return header, subprocess.run(command + ['-x', 'c', '-'], input=text, text=True, cwd=root,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    bad = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for header, result in pool.map(alone, headers):
            with open(os.path.join(root, header), encoding='utf-8') as f:
                if '#pragma once' not in f.read():
                    bad += 1
                    print(f'{header}: no #pragma once')
            if result.returncode != 0:
                bad += 1
                print(f'{header}: does not compile alone\n{result.stdout}')
    print(f'headers: {len(headers)} compiled alone, {bad} offences')
    return 1 if bad or not headers else 0


if __name__ == '__main__':
    sys.exit(main())
