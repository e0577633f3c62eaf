/* SPDX-License-Identifier: MIT */
/* Who else may have a link: systemd-networkd and NetworkManager say so in files of theirs. */
#include "helper/link.h"
#include "util/fd.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER_FILE_MAX (64 << 10)

/* The value of the first line that begins with `key`; cut to the size. */
static bool line_value(const char *text, const char *key, char *value, size_t size)
{
        size_t n = strlen(key);

        while (text && strncmp(text, key, n) != 0) {
                text = strchr(text, '\n');
                if (text)
                        text++;
        }
        if (!text)
                return false;
        snprintf(value, size, "%.*s", (int) strcspn(text + n, "\n"), text + n);
        return true;
}

static bool file_says(
        const char *run, const char *dir, int ifindex, const char *key, const char *const *values)
{
        _cleanup_(freep) char *text = NULL;
        char path[256], value[32];
        size_t size;

        snprintf(path, sizeof(path), "%s/%s/%d", run, dir, ifindex);
        if (file_read(AT_FDCWD, path, OWNER_FILE_MAX, &text, &size) < 0 ||
                !line_value(text, key, value, sizeof(value)))
                return false;
        for (; *values; values++)
                if (strcmp(value, *values) == 0)
                        return true;
        return false;
}

const char *link_owner_in(const char *run, int ifindex)
{
        static const char *const networkd[] = { "configuring", "configured", "failed", NULL };
        static const char *const nm[] = { "true", NULL };

        if (file_says(run, "systemd/netif/links", ifindex, "ADMIN_STATE=", networkd))
                return "systemd-networkd";
        if (file_says(run, "NetworkManager/devices", ifindex, "managed=", nm))
                return "NetworkManager";
        return NULL;
}

/* Those files speak of the links of the first process's network namespace. Where that cannot be
 * compared, an ordinary service is in it, and "root" without that privilege is in a namespace of
 * its own making. */
static bool in_first_namespace(void)
{
        struct stat ours, first;

        if (stat("/proc/self/ns/net", &ours) < 0)
                return true;
        if (stat("/proc/1/ns/net", &first) < 0)
                return geteuid() != 0;
        return ours.st_ino == first.st_ino && ours.st_dev == first.st_dev;
}

const char *link_owner(const OwnerWatch *w, int ifindex)
{
        return w->speaks ? link_owner_in("/run", ifindex) : NULL;
}

/* -- Being told when that changes -------------------------------------------------------------- */

static const char *const owner_dirs[] = { "/run/systemd/netif/links",
        "/run/NetworkManager/devices" };

static void on_files(struct lws *wsi, uint32_t revents)
{
        OwnerWatch *w = wsi_userdata(wsi);
        char events[4096];

        /* what exactly changed is of no interest: the files of the links in question are read */
        while (read(wsi_fd(wsi), events, sizeof(events)) > 0)
                ;
        w->changed(w);
}

void owner_watch_renew(OwnerWatch *w)
{
        /* a watch that is there already is found to be the same one; the folders appear with their
         * managers */
        for (size_t i = 0; w->wsi && i < ELEMENTSOF(owner_dirs); i++)
                (void) inotify_add_watch(wsi_fd(w->wsi), owner_dirs[i],
                        IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR);
}

int owner_watch_init(
        OwnerWatch *w, struct lws_vhost *vhost, Thread *th, void (*changed)(OwnerWatch *w))
{
        _cleanup_fd_ int fd = -EBADF;
        int r;

        *w = (OwnerWatch){ .speaks = in_first_namespace(), .changed = changed };
        if (!w->speaks)
                return 0;
        fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd < 0)
                return -errno;
        r = wsi_new(&w->wsi, vhost, th, fd, EPOLLIN, on_files, w);
        if (r < 0)
                return r;
        (void) fd_take(&fd);
        owner_watch_renew(w);
        return 0;
}

void owner_watch_deinit(OwnerWatch *w)
{
        w->wsi = wsi_free(w->wsi);
}
