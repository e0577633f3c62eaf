/* SPDX-License-Identifier: MIT */
/*
 * lwsd-state FILE: runs as long as the file is there. It is what lwsd-state@STATE.service runs, so
 * that the unit is active exactly while the state holds; nothing but libc, since there is one of it
 * for each state.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

static int fail(const char *what)
{
        fprintf(stderr, "lwsd-state: %s: %s\n", what, strerror(errno));
        return 1;
}

int main(int argc, char **argv)
{
        char folder[4096], events[4096];
        int fd;

        if (argc != 2 ||
                (size_t) snprintf(folder, sizeof(folder), "%s", argv[1]) >= sizeof(folder)) {
                fputs("usage: lwsd-state FILE\n", stderr);
                return 2;
        }
        fd = inotify_init1(IN_CLOEXEC);
        if (fd < 0 || inotify_add_watch(fd, dirname(folder),
                              IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_ONLYDIR) < 0)
                return errno == ENOENT ? 0 : fail(argv[1]);
        /* the watch is there before the file is looked for: nothing is missed */
        while (access(argv[1], F_OK) == 0)
                if (read(fd, events, sizeof(events)) < 0 && errno != EINTR)
                        return fail(argv[1]);
        return 0;
}
