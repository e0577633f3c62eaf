/* SPDX-License-Identifier: MIT */
#include "libclient/client-private.h"
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define WATCH_MASK (IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* Watches the folder path[0..at) for the component that starts at `at`. */
static int watch_folder(PathWatch *watch, int inotify_fd, size_t at)
{
        char folder[sizeof watch->path];
        int wd;

        memcpy(folder, watch->path, at);
        folder[at] = '\0';
        wd = inotify_add_watch(inotify_fd, folder, WATCH_MASK);
        if (wd < 0)
                return -errno;
        watch->wd = wd;
        watch->next_at = at;
        watch->next_len = strcspn(watch->path + at, "/");
        return 0;
}

/* Where the deepest folder that exists ends in the path; the last component is never part of it. */
static size_t deepest_folder(const char *path)
{
        char prefix[sizeof(((PathWatch *) 0)->path)];
        size_t len = strlen(path);

        memcpy(prefix, path, len + 1);
        for (;;) {
                while (len > 0 && prefix[len - 1] != '/')
                        len--;
                if (len <= 1)
                        return 1;
                prefix[len] = '\0';
                if (access(prefix, F_OK) == 0)
                        return len;
                while (len > 1 && prefix[len - 1] == '/')
                        len--;
        }
}

int path_watch_arm(PathWatch *watch, int inotify_fd)
{
        watch->wd = -1;
        if (watch->path[0] != '/')
                return -EINVAL;
        /* What appears between the look and the watch is seen by the second look; folders do not
         * come and go for ever. */
        for (unsigned i = 0; i < 16; i++) {
                size_t at = deepest_folder(watch->path);
                int r = watch_folder(watch, inotify_fd, at);

                if (r < 0 && r != -ENOENT)
                        return r;
                if (r == 0 && deepest_folder(watch->path) == at)
                        return access(watch->path, F_OK) == 0;
        }
        return -EAGAIN;
}

bool path_watch_concerns(const PathWatch *watch, const struct inotify_event *event)
{
        if (event->mask & IN_Q_OVERFLOW)
                return true;
        if (watch->wd < 0 || event->wd != watch->wd)
                return false;
        if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT))
                return true;
        return event->len > 0 && strlen(event->name) == watch->next_len &&
               memcmp(event->name, watch->path + watch->next_at, watch->next_len) == 0;
}
