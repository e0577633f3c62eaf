/* SPDX-License-Identifier: MIT */
/* Telling lwsd what to do, and its files: renew, release, reload, ..., log-level, cat-config,
 * forget. */
#include "ctl/ctl.h"
#include "dbus/names.h"
#include "util/fd.h"
#include <config.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- Calls ------------------------------------------------------------------------------------ */

int command_renew(Ctl *ctl)
{
        bool renew = strcmp(ctl_command(ctl), "renew") == 0;
        _cleanup_json_ json_t *reply = NULL;
        const char *path;
        int r;

        if (strlen(ctl->arguments[0]) >= IFNAMSIZ)
                return complain(STATUS_USAGE, "%s is no name of a link", ctl->arguments[0]);
        r = ctl_call(ctl, &reply, LWSD_OBJECT_PATH, LWSD_INTERFACE_MANAGER, "GetLinkByName", "s",
                ctl->arguments[0]);
        if (r < 0)
                return r;
        path = json_string_value(json_array_get(reply, 1));
        if (!path)
                return complain(STATUS_FAILED, "lwsd does not say where %s is", ctl->arguments[0]);
        return ctl_call(ctl, NULL, path, LWSD_INTERFACE_LINK, renew ? "Renew" : "Release", NULL);
}

int command_plain_call(Ctl *ctl)
{
        static const struct {
                const char *command, *interface, *member;
        } calls[] = {
                { "reload", LWSD_INTERFACE_MANAGER, "Reload" },
                { "synchronize", LWSD_INTERFACE_TIME, "Synchronize" },
                { "flush-caches", LWSD_INTERFACE_RESOLVER, "FlushCaches" },
                { "invalidate-policy", LWSD_INTERFACE_MANAGER, "InvalidatePolicy" },
        };

        for (size_t i = 0; i < ELEMENTSOF(calls); i++)
                if (strcmp(calls[i].command, ctl_command(ctl)) == 0)
                        return ctl_call(ctl, NULL, LWSD_OBJECT_PATH, calls[i].interface,
                                calls[i].member, NULL);
        return -ENOSYS;
}

int command_log_level(Ctl *ctl)
{
        static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice",
                "info", "debug" };
        _cleanup_json_ json_t *reply = NULL;
        int r;

        if (ctl->n_arguments == 0) {
                r = ctl_call(ctl, &reply, LWSD_LOG_CONTROL_PATH, "org.freedesktop.DBus.Properties",
                        "Get", "ss", LWSD_LOG_CONTROL_INTERFACE, "LogLevel");
                if (r < 0)
                        return r;
                if (ctl->json)
                        return output_json(ctl, json_array_get(reply, 0));
                puts(json_string_value(json_array_get(reply, 0))
                                ? json_string_value(json_array_get(reply, 0))
                                : "-");
                return STATUS_DONE;
        }
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (strcmp(levels[i], ctl->arguments[0]) == 0)
                        return ctl_call(ctl, NULL, LWSD_LOG_CONTROL_PATH,
                                "org.freedesktop.DBus.Properties", "Set", "ssv",
                                LWSD_LOG_CONTROL_INTERFACE, "LogLevel", "s", levels[i]);
        return complain(STATUS_USAGE,
                "%s is no level: emerg alert crit err warning notice info debug",
                ctl->arguments[0]);
}

/* -- cat-config ------------------------------------------------------------------------------- */

/* What is printed, or gathered for JSON. */
typedef struct Listing Listing;
struct Listing {
        json_t *files; /* NULL: printed */
        bool any;
};

static int gather_file(Listing *listing, const char *path, FILE *file)
{
        char *text = NULL;
        size_t size = 0;
        ssize_t n = getdelim(&text, &size, '\0', file);
        int r;

        r = json_array_append_new(
                listing->files, json_pack("{s:s, s:s}", "file", path, "text", n > 0 ? text : ""));
        free(text);
        return r < 0 ? complain(STATUS_FAILED, "%s: not UTF-8", path) : 0;
}

static void print_file(Listing *listing, const char *path, FILE *file)
{
        char buf[4096];
        size_t n;

        printf("%s# %s\n", listing->any ? "\n" : "", path);
        while ((n = fread(buf, 1, sizeof buf, file)) > 0)
                fwrite(buf, 1, n, stdout);
}

static int list_file(Listing *listing, const char *path)
{
        FILE *file = fopen(path, "re");
        int status = 0;

        if (!file)
                return errno == ENOENT ? 0
                                       : complain(STATUS_FAILED, "%s: %s", path, strerror(errno));
        if (listing->files)
                status = gather_file(listing, path, file);
        else
                print_file(listing, path, file);
        listing->any = true;
        fclose(file);
        return status;
}

static int is_conf(const struct dirent *entry)
{
        size_t len = strlen(entry->d_name);

        return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

/* Drop-ins in the order of their names; of one name, the folder that comes first here has it alone,
 * and a link to /dev/null masks it. */
static const char *const folders[] = { SYSCONFDIR "/lwsd/lwsd.conf.d", "/run/lwsd/lwsd.conf.d",
        "/usr/lib/lwsd/lwsd.conf.d" };

static bool is_overridden(const char *name, size_t folder)
{
        char path[PATH_MAX];

        for (size_t i = 0; i < folder; i++) {
                snprintf(path, sizeof path, "%s/%s", folders[i], name);
                if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        return true;
        }
        return false;
}

static int list_drop_in(Listing *listing, size_t folder, const char *name)
{
        char path[PATH_MAX], target[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", folders[folder], name);
        if (is_overridden(name, folder) ||
                (realpath(path, target) && strcmp(target, "/dev/null") == 0))
                return 0;
        return list_file(listing, path);
}

static int list_drop_ins(Listing *listing)
{
        struct dirent **entries[ELEMENTSOF(folders)] = { NULL };
        int n[ELEMENTSOF(folders)], at[ELEMENTSOF(folders)] = { 0 }, status = 0;

        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                n[i] = scandir(folders[i], &entries[i], is_conf, alphasort);
        for (;;) {
                size_t next = ELEMENTSOF(folders);

                for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                        if (at[i] < n[i] && (next == ELEMENTSOF(folders) ||
                                                    strcmp(entries[i][at[i]]->d_name,
                                                            entries[next][at[next]]->d_name) < 0))
                                next = i;
                if (next == ELEMENTSOF(folders))
                        break;
                status |= list_drop_in(listing, next, entries[next][at[next]]->d_name);
                free(entries[next][at[next]++]);
        }
        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                free(entries[i]);
        return status;
}

int command_cat_config(Ctl *ctl)
{
        _cleanup_json_ json_t *files = ctl->json ? json_array() : NULL;
        Listing listing = { .files = files };
        int status;

        status = list_file(&listing, SYSCONFDIR "/lwsd/lwsd.conf");
        status |= list_drop_ins(&listing);
        if (files)
                return status | output_json(ctl, files);
        if (!listing.any && status == 0 && ctl->terminal)
                puts("# no configuration file: lwsd works on what it finds");
        return status;
}

/* -- forget ----------------------------------------------------------------------------------- */

/* Removes what is in the folder, without following links. Takes over the descriptor. Whether the
 * clock is left alone is not lwsd's to forget: systemd says so (lwsd-time.service). */
static int remove_contents(int fd, unsigned depth)
{
        DIR *dir = fdopendir(fd);
        struct dirent *entry;
        int r = 0;

        if (!dir) {
                fd_close(fd);
                return -errno;
        }
        while ((entry = readdir(dir))) {
                const char *name = entry->d_name;
                int sub;

                if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
                        strcmp(name, "time-off") == 0)
                        continue;
                if (unlinkat(fd, name, 0) == 0)
                        continue;
                if (errno == EISDIR && depth > 0 &&
                        (sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) >=
                                0 &&
                        remove_contents(sub, depth - 1) == 0 &&
                        unlinkat(fd, name, AT_REMOVEDIR) == 0)
                        continue;
                r = -errno;
                complain(STATUS_FAILED, "cannot remove %s: %s", name, strerror(errno));
        }
        closedir(dir);
        return r;
}

int command_forget(Ctl *ctl)
{
        const char *path = ctl->state_dir ? ctl->state_dir : "/var/lib/lwsd";
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 && errno == ENOENT)
                return STATUS_DONE; /* nothing to forget */
        if (fd < 0)
                return complain(STATUS_FAILED, "%s: %s", path, strerror(errno));
        if (remove_contents(fd, 8) < 0)
                return STATUS_FAILED;
        if (ctl->terminal)
                printf("%s is empty. A running lwsd still knows: systemctl restart lwsd\n", path);
        return STATUS_DONE;
}
