#!/usr/bin/env python3
"""hold_thread.py PID NAME: stops one thread of a process, the one of that name, and says "held"; goes on with it when
standard input ends. As a debugger would (ptrace stops a single thread; a signal would stop them all)."""
import ctypes
import os
import select
import sys

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, tid):
    if libc.ptrace(request, tid, None, None) < 0:
        raise SystemExit(f'hold_thread: ptrace {request:#x}: {os.strerror(ctypes.get_errno())}')


def thread_of(pid, name):
    for tid in os.listdir(f'/proc/{pid}/task'):
        with open(f'/proc/{pid}/task/{tid}/comm', encoding='ascii') as comm:
            if comm.read().strip() == name:
                return int(tid)
    raise SystemExit(f'hold_thread: process {pid} has no thread {name}')


held = thread_of(sys.argv[1], sys.argv[2])
ptrace(SEIZE, held)
ptrace(INTERRUPT, held)
os.waitpid(held, WALL)
print('held', flush=True)
# Where the process is ended meanwhile, nobody can wait for it before its tracer has.
while not select.select([sys.stdin], [], [], 0.1)[0]:
    if os.waitpid(held, WALL | os.WNOHANG)[0] == held:
        sys.exit(0)
ptrace(DETACH, held)
