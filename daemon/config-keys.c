/* SPDX-License-Identifier: MIT */
#include "daemon/config-keys.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Whoever may write the file may make time of his own; who may read it, forge that of others. */
static int look_at_mode(const char *path, char *error)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return 0; /* reading it says why */
        if (S_ISREG(st.st_mode) && st.st_mode & S_IWOTH) {
                snprintf(error, CONFIG_ERROR_SIZE, "%.300s: everybody may write to it: chmod o= it",
                        path);
                return -EPERM;
        }
        if (S_ISREG(st.st_mode) && st.st_mode & S_IROTH)
                log_warning("%s: everybody may read the keys in it: chmod o= it", path);
        return 0;
}

static int load(NtpKeys *keys, const char *path, char *error)
{
        NtpKeysFault fault;
        char *text = NULL;
        size_t size = 0;
        int r = look_at_mode(path, error);

        if (r < 0)
                return r;
        r = file_read(AT_FDCWD, path, NTP_KEYS_FILE_MAX, &text, &size);
        if (r < 0) {
                snprintf(
                        error, CONFIG_ERROR_SIZE, "%.300s: cannot be read: %s", path, strerror(-r));
                return r;
        }
        r = ntp_keys_parse(keys, text, size, &fault);
        if (r == -EINVAL)
                snprintf(error, CONFIG_ERROR_SIZE, "%.300s:%u: %s", path, fault.line, fault.why);
        else if (r < 0)
                snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
        explicit_bzero(text, size);
        free(text);
        return r;
}

static int check(
        const HostPortList *l, const TimeSettings *t, const ConfigOrigin *origin, char *error)
{
        for (size_t i = 0; i < l->n; i++) {
                uint32_t id = l->items[i].key;

                if (id == 0 || ntp_keys_find(&t->keys, id))
                        continue;
                snprintf(error, CONFIG_ERROR_SIZE, "%.300s:%u: key %u of %.80s is not in %.160s",
                        origin ? origin->file : "?", origin ? origin->line : 0, id,
                        l->items[i].host, t->key_file ? t->key_file : "a KeyFile=");
                return -EINVAL;
        }
        return 0;
}

int config_keys_load(
        Settings *settings, const ConfigOrigins *origins, char error[static CONFIG_ERROR_SIZE])
{
        TimeSettings *t = &settings->time;
        int r = t->key_file ? load(&t->keys, t->key_file, error) : 0;

        if (r >= 0)
                r = check(&t->servers, t, config_origins_find(origins, "Time", "Servers"), error);
        for (size_t i = 0; r >= 0 && i < settings->n_links; i++)
                r = check(&settings->links[i].ntp, t, config_origins_find(origins, "Link", "NTP"),
                        error);
        return r;
}
