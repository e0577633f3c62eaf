/* SPDX-License-Identifier: MIT */
#include "fetch/sandbox.h"
#include "util/fd.h"
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libc has no wrappers for these. */
static int landlock_create(const struct landlock_ruleset_attr *attr, size_t size)
{
        return (int) syscall(SYS_landlock_create_ruleset, attr, size, 0);
}

static int landlock_allow(int ruleset, const char *path, uint64_t access)
{
        _cleanup_fd_ int fd = open(path, O_PATH | O_CLOEXEC);
        struct landlock_path_beneath_attr attr = { .allowed_access = access, .parent_fd = fd };

        if (fd < 0)
                return 0; /* what is not there need not be allowed */
        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
                return -errno;
        return 0;
}

static int restrict_files(void)
{
        /* the system's certificates, and what libc and OpenSSL load late */
        static const char *const readable[] = { "/etc", "/usr", "/lib", "/lib64" };
        static const char *const devices[] = { "/dev/tpmrm0", "/dev/tpm0" }; /* of held keys */
        const uint64_t access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
        const uint64_t device = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
        struct landlock_ruleset_attr attr = {
                /* everything that the first version of Landlock knows */
                .handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
        };
        _cleanup_fd_ int ruleset = landlock_create(&attr, sizeof(attr));
        int r = 0;

        if (ruleset < 0) /* a kernel without it: seccomp remains */
                return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
        for (size_t i = 0; i < ELEMENTSOF(readable) && r >= 0; i++)
                r = landlock_allow(ruleset, readable[i], access);
        for (size_t i = 0; i < ELEMENTSOF(devices) && r >= 0; i++)
                r = landlock_allow(ruleset, devices[i], device);
        if (r < 0)
                return r;
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

static int restrict_calls(void)
{
        static const int denied[] = { SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork),
                SCMP_SYS(vfork), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
                SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
                SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(unshare),
                SCMP_SYS(setns), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key),
                SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load),
                SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime),
                SCMP_SYS(adjtimex), SCMP_SYS(reboot), SCMP_SYS(userfaultfd),
                SCMP_SYS(io_uring_setup) };
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
        int r = ctx ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(denied); i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
        if (r >= 0)
                r = seccomp_load(ctx);
        if (ctx)
                seccomp_release(ctx);
        return r;
}

int sandbox_enter(void)
{
        int r;

        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                return -errno;
        r = restrict_files();
        if (r < 0)
                return r;
        return restrict_calls();
}
