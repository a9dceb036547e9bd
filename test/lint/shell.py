#!/usr/bin/env python3
"""Shell scripts parse (bash -n), are executable where they are run, and start with what they are for; python
programs compile."""
import os
import subprocess
import sys


def scripts(root):
    for folder, dirs, names in os.walk(root):
        dirs[:] = [d for d in dirs if not d.startswith('build') and d != '.git' and d != '__pycache__']
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, 'rb') as f:
                first = f.readline(200)
            if first.startswith(b'#!'):
                yield os.path.relpath(path, root), first
            elif name.endswith('.sh'):
                yield os.path.relpath(path, root), b'sourced bash'
            elif name.endswith('.py'):
                yield os.path.relpath(path, root), b'module python'


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else '.')
    bad = n = 0
    for path, first in scripts(root):
        n += 1
        full = os.path.join(root, path)
        with open(full, encoding='utf-8') as f:
            text = f.read()
        why = None
        if first.startswith(b'#!') and not os.access(full, os.X_OK):
            why = 'has #! but is not executable'
        elif b'python' in first:
            try:
                compile(text, path, 'exec')
            except SyntaxError as e:
                why = f'{e}'
        elif b'bash' in first or b'/sh' in first:
            parsed = subprocess.run(['bash', '-n', full], stderr=subprocess.PIPE, text=True)
            body = text.split('\n')[1 if first.startswith(b'#!') else 0:]
            if parsed.returncode != 0:
                why = parsed.stderr.strip()
            elif not body or not body[0].startswith('#'):
                why = 'does not say at its head what it is for'
        if why:
            bad += 1
            print(f'{path}: {why}')
    print(f'shell: {n} scripts, {bad} offences')
    return 1 if bad or not n else 0


if __name__ == '__main__':
    sys.exit(main())
