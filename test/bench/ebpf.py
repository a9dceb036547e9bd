"""Just enough of bpf(2) to make packets in the kernel and to send some back: programs put together here, loaded by the
system call, run with live frames (BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18) or attached to an interface by iproute2.
"""
import ctypes
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_SYS_BPF = {'x86_64': 321, 'aarch64': 280}[os.uname().machine]
_PROG_LOAD, _OBJ_PIN, _TEST_RUN = 5, 6, 10
_XDP, _LIVE_FRAMES = 6, 2
DROP, PASS, TX = 1, 2, 3


def _bpf(command, attributes):
    buf = ctypes.create_string_buffer(attributes, len(attributes))
    got = _libc.syscall(_SYS_BPF, command, buf, len(attributes))
    if got < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return got


def insn(code, dst=0, src=0, off=0, imm=0):
    if imm > 0x7fffffff:
        imm -= 1 << 32
    return struct.pack('<BBhi', code, dst | src << 4, off, imm)


def mov(dst, imm):
    return insn(0xb7, dst, imm=imm)


def move(dst, src):
    return insn(0xbf, dst, src)


def op(code, dst, imm):  # 0x07 add, 0x57 and, 0x77 shift right, 0xa7 xor
    return insn(code, dst, imm=imm)


def load(dst, src, off, size):
    return insn({1: 0x71, 2: 0x69, 4: 0x61}[size], dst, src, off)


def store(dst, off, src, size):
    return insn({1: 0x73, 2: 0x6b, 4: 0x63}[size], dst, src, off)


def store_bytes(dst, off, data):
    return b''.join(insn(0x62, dst, off=off + i, imm=struct.unpack('<I', data[i:i + 4])[0])
                    for i in range(0, len(data), 4))


def call(helper):
    return insn(0x85, imm=helper)


def bounds(length, body):
    """r6: start of a packet of at least `length` bytes, else it passes; then body, which ends with exit."""
    head = load(6, 1, 0, 4) + load(7, 1, 4, 4) + move(2, 6) + op(0x07, 2, length)
    out = mov(0, PASS) + insn(0x95)
    return head + insn(0xbd, 2, 7, off=len(out) // 8) + out + body


def program(code):
    insns = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b'BSD')
    log = ctypes.create_string_buffer(1 << 16)
    attr = struct.pack('<IIQQIIQII16sII', _XDP, len(code) // 8, ctypes.addressof(insns), ctypes.addressof(licence),
                       1, len(log), ctypes.addressof(log), 0, 0, b'ringwall_bench', 0, 37)
    try:
        return _bpf(_PROG_LOAD, attr)
    except OSError as error:
        raise OSError(error.errno, f'{error.strerror}: {log.value.decode()}') from None


def pin(fd, path):
    name = ctypes.create_string_buffer(path.encode())
    _bpf(_OBJ_PIN, struct.pack('<QII', ctypes.addressof(name), fd, 0))


def run_live(fd, frame, ifindex, repeat, batch=64):
    """`repeat` frames as if received by the interface. Returns nanoseconds a frame as the kernel counts them."""
    data = ctypes.create_string_buffer(frame, len(frame))
    ctx = ctypes.create_string_buffer(struct.pack('<IIIIII', 0, len(frame), 0, ifindex, 0, 0), 24)
    attr = struct.pack('<IIIIQQIIIIQQIII', fd, 0, len(frame), 0, ctypes.addressof(data), 0, repeat, 0, 24, 0,
                       ctypes.addressof(ctx), 0, _LIVE_FRAMES, 0, batch)
    buf = ctypes.create_string_buffer(attr, len(attr))
    if _libc.syscall(_SYS_BPF, _TEST_RUN, buf, len(attr)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return struct.unpack_from('<I', buf.raw, 36)[0]
