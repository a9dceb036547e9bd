#!/usr/bin/env python3
"""All C sources are as clang-format 14 would write them (.clang-format). `format.py ROOT --fix` rewrites."""
import os
import shutil
import subprocess
import sys

ROOMS = ['config', 'pipeline', 'acl', 'conntrack', 'nat', 'net', 'control', 'app', 'test']


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else '.')
    fix = '--fix' in sys.argv[2:]
    tool = shutil.which('clang-format-14')
    if not tool:
        print('format: skipped, clang-format-14 is not installed')
        return 77
    files = []
    for room in ROOMS:
        for folder, _, names in os.walk(os.path.join(root, room)):
            files += [os.path.relpath(os.path.join(folder, n), root) for n in sorted(names) if n.endswith(('.c', '.h'))]
    if fix:
        return subprocess.call([tool, '-i'] + files, cwd=root)
    bad = 0
    for path in files:
        formatted = subprocess.check_output([tool, path], cwd=root)
        with open(os.path.join(root, path), 'rb') as f:
            have = f.read()
        if formatted == have:
            continue
        bad += 1
        line = next((i for i, (a, b) in enumerate(zip(have.split(b'\n'), formatted.split(b'\n')), 1) if a != b), 0)
        print(f'{path}:{line}: not formatted (test/lint/format.py . --fix)')
    print(f'format: {len(files)} files, {bad} not formatted')
    return 1 if bad or not files else 0


if __name__ == '__main__':
    sys.exit(main())
