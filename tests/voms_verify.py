"""What services that use the VOMS library make of a proxy: a process of its own, for the library is C.

    python voms_verify.py PROXY VOMSDIR TRUSTED

It verifies chain, issuer, holder and times, prints "ok" or the library's words, and ends with 0 or 1.
"""

import ctypes
import ctypes.util
import sys

LIBRARY = "libvomsapi.so.1"
_RECURSE_CHAIN = 0


def verified(proxy: str, vomsdir: str, trusted: str) -> str:
    """ "" where all is well, else what the library says (voms_apic.h)."""
    voms, libc = ctypes.CDLL(LIBRARY), ctypes.CDLL(ctypes.util.find_library("c"))
    voms.VOMS_Init.restype = libc.fopen.restype = ctypes.c_void_p
    voms.VOMS_ErrorMessage.restype = ctypes.c_void_p
    data = ctypes.c_void_p(voms.VOMS_Init(vomsdir.encode(), trusted.encode()))
    file, error = ctypes.c_void_p(libc.fopen(proxy.encode(), b"r")), ctypes.c_int(0)
    if voms.VOMS_RetrieveFromFile(file, _RECURSE_CHAIN, data, ctypes.byref(error)):
        return ""
    words = ctypes.create_string_buffer(4096)
    voms.VOMS_ErrorMessage(data, error, words, len(words))
    return f"{error.value}: {words.value.decode(errors='replace')}"


if __name__ == "__main__":
    said = verified(*sys.argv[1:])
    print(said or "ok")  # noqa: T201
    sys.exit(1 if said else 0)
