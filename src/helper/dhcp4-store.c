/* SPDX-License-Identifier: MIT */
#include "helper/dhcp4-store.h"
#include "util/fd.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#define FILE_NAME_SIZE (IFNAMSIZ + 16)
/* "client-id=" and two digits an octet */
#define OWNER_SIZE (16 + 2 * DHCP4_CLIENT_ID_MAX)

static const char *file_name(const Link *link, char buf[static FILE_NAME_SIZE])
{
        snprintf(buf, FILE_NAME_SIZE, "dhcp4-%s.lease", link->name);
        return buf;
}

static int state_dir(const Link *link)
{
        int fd = open(
                network_settings(link->network)->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

static Dhcp4Clocks clocks(char boot_id[static SD_ID128_STRING_MAX])
{
        sd_id128_t id = SD_ID128_NULL;

        (void) sd_id128_get_boot(&id);
        sd_id128_to_string(id, boot_id);
        return (Dhcp4Clocks){ boot_id, clock_boottime_usec(), clock_realtime_usec() };
}

/* A lease belongs to an identifier, not to whatever is called eth0 today. */
static void owner_line(const Dhcp4Identity *id, char buf[static OWNER_SIZE])
{
        size_t n = (size_t) snprintf(buf, OWNER_SIZE, "client-id=");

        for (size_t i = 0; i < id->client_id_size; i++)
                n += (size_t) snprintf(buf + n, OWNER_SIZE - n, "%02x", id->client_id[i]);
        snprintf(buf + n, OWNER_SIZE - n, "\n");
}

int dhcp4_store_load(const Link *link, const Dhcp4Identity *id, Dhcp4Lease *ret)
{
        char name[FILE_NAME_SIZE], boot_id[SD_ID128_STRING_MAX], owner[OWNER_SIZE];
        _cleanup_(freep) char *text = NULL;
        _cleanup_fd_ int dir = -EBADF;
        Dhcp4Clocks at;
        int r;

        dir = state_dir(link);
        if (dir < 0)
                return -ENOENT;
        r = file_read(dir, file_name(link, name), DHCP4_LEASE_TEXT_SIZE - 1, &text, NULL);
        if (r < 0)
                return -ENOENT;
        owner_line(id, owner);
        at = clocks(boot_id);
        if (!strstr(text, owner) || dhcp4_lease_parse(text, &at, ret) < 0)
                return -ENOENT;
        return 0;
}

int dhcp4_store_save(const Link *link, const Dhcp4Identity *id, const Dhcp4Lease *lease)
{
        char name[FILE_NAME_SIZE], boot_id[SD_ID128_STRING_MAX];
        char text[DHCP4_LEASE_TEXT_SIZE + OWNER_SIZE];
        _cleanup_fd_ int dir = -EBADF;
        Dhcp4Clocks at = clocks(boot_id);
        int n;

        n = dhcp4_lease_format(lease, &at, text, DHCP4_LEASE_TEXT_SIZE - OWNER_SIZE);
        if (n < 0)
                return n;
        owner_line(id, text + n);
        dir = state_dir(link);
        if (dir < 0)
                return dir;
        return file_write_atomic(dir, file_name(link, name), text, strlen(text), 0644);
}

void dhcp4_store_remove(const Link *link)
{
        char name[FILE_NAME_SIZE];
        _cleanup_fd_ int dir = state_dir(link);

        if (dir >= 0)
                (void) unlinkat(dir, file_name(link, name), 0);
}
