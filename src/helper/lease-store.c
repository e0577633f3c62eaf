/* SPDX-License-Identifier: MIT */
#include "helper/lease-store.h"
#include "util/error.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define FILE_NAME_SIZE (IFNAMSIZ + 16)

static const char *file_name(const char *link, const char *kind, char buf[static FILE_NAME_SIZE])
{
        snprintf(buf, FILE_NAME_SIZE, "%s-%s.lease", kind, link);
        return buf;
}

/* Without a state directory nothing is kept. */
static int state_dir(const Link *link)
{
        const char *path = network_settings(link->network)->state_dir;
        int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

        return fd >= 0 ? fd : path ? -errno : -ENOENT;
}

LeaseClocks lease_store_clocks(void)
{
        static char boot_id[SD_ID128_STRING_MAX];
        sd_id128_t id = SD_ID128_NULL;

        (void) sd_id128_get_boot(&id);
        return (LeaseClocks){ sd_id128_to_string(id, boot_id), clock_boottime_usec(),
                clock_realtime_usec() };
}

static void add_owner(LeaseText *t, const LeaseOwner *owner)
{
        lease_text_hex(t, "client-id", owner->id, owner->size);
}

int lease_store_load(const Link *link, const LeaseOwner *owner, char **ret)
{
        char name[FILE_NAME_SIZE], line[32 + 2 * sizeof(owner->id)];
        LeaseText t = { .buf = line, .size = sizeof(line) };
        _cleanup_(freep) char *text = NULL;
        _cleanup_fd_ int dir = state_dir(link);

        if (dir < 0 || file_read(dir, file_name(link->name, owner->kind, name), LEASE_TEXT_SIZE - 1,
                               &text, NULL) < 0)
                return -ENOENT;
        add_owner(&t, owner);
        if (!strstr(text, line))
                return -ENOENT;
        *ret = text;
        text = NULL;
        return 0;
}

static int save(const Link *link, const char *kind, const LeaseText *text)
{
        char name[FILE_NAME_SIZE];
        _cleanup_fd_ int dir = state_dir(link);

        if (text->len >= text->size)
                return -EMSGSIZE;
        if (dir < 0)
                return dir;
        return file_write_atomic(
                dir, file_name(link->name, kind, name), text->buf, text->len, 0644);
}

void lease_store_save(const Link *link, const LeaseOwner *owner, LeaseText *text, bool *failed)
{
        int r;

        add_owner(text, owner);
        r = save(link, owner->kind, text);
        if (r < 0 && !*failed)
                log_warning("%s: cannot save the lease in %s: %s", link->name,
                        network_settings(link->network)->state_dir, strerror(-r));
        *failed = r < 0;
}

void lease_store_rename(const Link *link, const char *old_name)
{
        static const char *const kinds[] = { "dhcp4", "dhcp6" };
        char from[FILE_NAME_SIZE], to[FILE_NAME_SIZE];
        _cleanup_fd_ int dir = state_dir(link);

        for (size_t i = 0; dir >= 0 && i < ELEMENTSOF(kinds); i++)
                (void) renameat(dir, file_name(old_name, kinds[i], from), dir,
                        file_name(link->name, kinds[i], to));
}

void lease_store_remove(const Link *link, const char *kind)
{
        char name[FILE_NAME_SIZE];
        _cleanup_fd_ int dir = state_dir(link);

        if (dir >= 0)
                (void) unlinkat(dir, file_name(link->name, kind, name), 0);
}
