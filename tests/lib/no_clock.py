# SPDX-License-Identifier: MIT
"""No test sets the machine's clock, whatever lwsd tries: programs started from here lack CAP_SYS_TIME."""

import ctypes
import os

PR_CAPBSET_DROP, CAP_SYS_TIME = 24, 25


def drop():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0) < 0 and os.geteuid() == 0:
        raise OSError(ctypes.get_errno(), "CAP_SYS_TIME cannot be dropped")
