/* SPDX-License-Identifier: MIT */
#include "lib/netns.h"
#include "util/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int first_netns = -EBADF;

static int fail(const char *what)
{
        int r = -errno;

        fprintf(stderr, "no private network: %s: %s\n", what, strerror(-r));
        return r;
}

static int write_file(const char *path, const char *text)
{
        _cleanup_fd_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, text, strlen(text)) < 0)
                return fail(path);
        return 0;
}

static int map_root(uid_t uid, gid_t gid)
{
        char map[64];
        int r;

        r = write_file("/proc/self/setgroups", "deny");
        if (r < 0)
                return r;
        snprintf(map, sizeof(map), "0 %u 1", uid);
        r = write_file("/proc/self/uid_map", map);
        if (r < 0)
                return r;
        snprintf(map, sizeof(map), "0 %u 1", gid);
        return write_file("/proc/self/gid_map", map);
}

/* Nothing that a test starts can set the machine's clock. */
static int drop_clock(void)
{
        if (prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0) < 0 && errno != EPERM)
                return fail("PR_CAPBSET_DROP");
        return 0;
}

int netns_private(void)
{
        uid_t uid = geteuid();
        gid_t gid = getegid();
        int r;

        r = drop_clock();
        if (r < 0)
                return r;
        if (unshare((uid == 0 ? 0 : CLONE_NEWUSER) | CLONE_NEWNET | CLONE_NEWNS) < 0)
                return fail("unshare");
        if (uid != 0) {
                r = map_root(uid, gid);
                if (r < 0)
                        return r;
        }
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return fail("mount");
        if (mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
                return fail("/run");
        /* the addresses of a link shall be there at once, not after a duplicate was looked for */
        r = netns_sh("ip link set lo up\n"
                     "sysctl -qw net.ipv6.conf.default.accept_dad=0 || true");
        if (r < 0)
                return r;
        first_netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        return first_netns < 0 ? fail("/proc/self/ns/net") : 0;
}

int netns_sh(const char *script)
{
        pid_t pid = fork();
        int status;

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                execl("/bin/sh", "sh", "-euc", script, NULL);
                _exit(127);
        }
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                fprintf(stderr, "status %#x of:\n%s\n", (unsigned) status, script);
                return -EIO;
        }
        return 0;
}

int netns_switch(const char *name)
{
        _cleanup_fd_ int fd = -EBADF;
        char path[128];

        if (!name)
                return setns(first_netns, CLONE_NEWNET) < 0 ? -errno : 0;
        snprintf(path, sizeof(path), "/run/netns/%s", name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
                return -errno;
        return 0;
}
