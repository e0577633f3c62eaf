/* SPDX-License-Identifier: MIT */
#include "daemon/config.h"
#include "daemon/config-check.h"
#include "daemon/config-keys.h"
#include "daemon/config-table.h"
#include "util/fd.h"
#include "util/log.h"
#include <assert.h>
#include <config.h>
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX     (1024 * 1024)
#define LINE_LEN_MAX 199 /* inih cuts longer lines in two */
#define SECTION_MAX  49  /* and longer section names short */

/* Some editors put one in front; systemd passes over it too. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* The three places of drop-ins, from the strongest to the weakest. */
static const char *const dropin_dirs[] = {
        SYSCONFDIR "/lwsd/lwsd.conf.d",
        "/run/lwsd/lwsd.conf.d",
        "/usr/lib/lwsd/lwsd.conf.d",
};

typedef struct Parser Parser;
struct Parser {
        Settings *settings;
        Settings *initial; /* with one link section: what an empty value goes back to */
        ConfigOrigins *origins;
        const char *name;
        const char *pos, *end;
        unsigned line;
        char section[SECTION_MAX + 1]; /* "" before the first, or when it is unknown */
        bool in_section;
        size_t link; /* index of the [Link] section that is read */
        char *error;
        bool failed;
};

static int refuse(Parser *p, const char *fmt, ...) _printf_(2, 3);
static int refuse(Parser *p, const char *fmt, ...)
{
        size_t used;
        va_list ap;

        if (p->failed) /* the first one counts */
                return -EINVAL;
        p->failed = true;
        used = (size_t) snprintf(p->error, CONFIG_ERROR_SIZE, "%s:%u: ", p->name, p->line);
        if (used >= CONFIG_ERROR_SIZE)
                return -EINVAL;
        va_start(ap, fmt);
        vsnprintf(p->error + used, CONFIG_ERROR_SIZE - used, fmt, ap);
        va_end(ap);
        return -EINVAL;
}

static int enter_link(Parser *p, const char *glob)
{
        LinkSettings *l;
        int r;

        for (size_t i = 0; i < p->settings->n_links; i++)
                if (strcmp(p->settings->links[i].glob, glob) == 0) {
                        p->link = i;
                        return 0;
                }
        r = settings_add_link(p->settings, glob, &l);
        if (r < 0)
                return r;
        p->link = p->settings->n_links - 1;
        return 0;
}

/* A section counts from its header on, be it empty; inih would tell only with its first key. */
static int enter_section(Parser *p, const char *line)
{
        const char *close = strchr(line, ']'), *rest;
        char name[SECTION_MAX + 1];
        int len;

        if (!close)
                return refuse(p, "a section name ends with ]");
        rest = close + 1 + strspn(close + 1, " \t\r");
        if (*rest && *rest != ';' && *rest != '#')
                return refuse(p, "text behind a section name");
        len = (int) (close - line - 1);
        if (len > SECTION_MAX)
                return refuse(p, "section name over %d bytes", SECTION_MAX);
        snprintf(name, sizeof(name), "%.*s", len, line + 1);
        p->in_section = true;
        p->section[0] = 0;
        if (strncmp(name, "Link ", 5) == 0) {
                const char *glob = name + 5 + strspn(name + 5, " \t");

                if (!*glob)
                        return refuse(p, "[Link] needs the name of a link, * and ? allowed");
                strcpy(p->section, "Link");
                return enter_link(p, glob) < 0 ? refuse(p, "out of memory") : 0;
        }
        if (strcmp(name, "Link") == 0)
                return refuse(p, "[Link] needs the name of a link, * and ? allowed");
        if (!config_section_exists(name)) {
                log_warning("%s:%u: unknown section [%s], ignored", p->name, p->line, name);
                return 0;
        }
        strcpy(p->section, name);
        return 0;
}

/* As systemd has it, a key may be indented; inih would take that for more of the value above it. */
static void unindent_key(char *line)
{
        char *start = line + strspn(line, " \t"), *p = start;

        while (isalnum((unsigned char) *p))
                p++;
        if (p > start && p[strspn(p, " \t")] == '=')
                memmove(line, start, strlen(start) + 1);
}

/* Gives inih a line; counts, and refuses what inih would silently cut. */
static char *read_line(char *buf, int size, void *userdata)
{
        Parser *p = userdata;
        const char *nl;
        size_t len;

        if (p->failed || p->pos >= p->end)
                return NULL;
        p->line++;
        nl = memchr(p->pos, '\n', (size_t) (p->end - p->pos));
        len = (size_t) ((nl ? nl : p->end) - p->pos);
        if (len > LINE_LEN_MAX || len >= (size_t) size) {
                (void) refuse(p, "line over %d bytes", LINE_LEN_MAX);
                return NULL;
        }
        if (memchr(p->pos, 0, len)) {
                (void) refuse(p, "a NUL byte");
                return NULL;
        }
        memcpy(buf, p->pos, len);
        buf[len] = 0;
        p->pos += len + (nl ? 1 : 0);
        unindent_key(buf);
        if (buf[strspn(buf, " \t")] == '[') {
                /* inih would take an indented one for more of the value above it */
                if (buf[0] != '[')
                        (void) refuse(p, "a section name starts its line");
                else
                        (void) enter_section(p, buf);
                if (p->failed)
                        return NULL;
        }
        return buf;
}

static int handle_key(void *userdata, const char *section, const char *name, const char *value)
{
        Parser *p = userdata;
        const ConfigKey *key;
        ConfigValue v = { .text = value };
        void *base;
        int r;

        (void) section;
        if (!*name) {
                (void) refuse(p, "expected KEY=VALUE or [SECTION]");
                return 0;
        }
        if (!p->in_section) {
                (void) refuse(p, "%s= stands before the first section", name);
                return 0;
        }
        if (!p->section[0])
                return 1;
        key = config_key_find(p->section, name);
        if (!key) {
                log_warning("%s:%u: unknown key %s= in [%s], ignored", p->name, p->line, name,
                        p->section);
                return 1;
        }
        base = strcmp(p->section, "Link") == 0 ? (void *) &p->settings->links[p->link]
                                               : (void *) p->settings;
        v.field = (char *) base + key->offset;
        v.initial = strcmp(p->section, "Link") == 0
                            ? (const char *) &p->initial->links[0] + key->offset
                            : (const char *) p->initial + key->offset;
        v.size = key->size;
        v.names = key->names;
        v.low = key->low;
        v.high = key->high;
        r = key->parse(&v);
        if (r < 0) {
                (void) refuse(p, "%s=%s: %s", name, value, r == -EINVAL ? v.why : strerror(-r));
                return 0;
        }
        if (!*value) {
                config_origins_unset(p->origins, key);
        } else if (config_origins_set(p->origins, key, p->name, p->line) < 0) {
                (void) refuse(p, "out of memory");
                return 0;
        }
        return 1;
}

int config_parse(Settings *settings, ConfigOrigins *origins, const char *name, const char *data,
        size_t size, char error[static CONFIG_ERROR_SIZE])
{
        _cleanup_(settings_freep) Settings *initial = NULL;
        LinkSettings *l;
        Parser p = {
                .settings = settings,
                .origins = origins,
                .name = name,
                .pos = data,
                .end = data + size,
                .error = error,
        };
        int r;

        if (settings_new(&initial) < 0 || settings_add_link(initial, "*", &l) < 0)
                return refuse(&p, "out of memory");
        p.initial = initial;
        if (size >= strlen(BYTE_ORDER_MARK) &&
                memcmp(data, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
                p.pos += strlen(BYTE_ORDER_MARK);
        r = ini_parse_stream(read_line, &p, handle_key, &p);
        if (r > 0 && !p.failed) {
                p.line = (unsigned) r;
                (void) refuse(&p, "expected KEY=VALUE or [SECTION]");
        } else if (r < 0) {
                (void) refuse(&p, "out of memory");
        }
        return p.failed ? -EINVAL : 0;
}

static int load_file(Settings *settings, ConfigOrigins *origins, const char *path, bool must_exist,
        char error[static CONFIG_ERROR_SIZE])
{
        _cleanup_(freep) char *data = NULL;
        size_t size;
        int r;

        r = file_read(AT_FDCWD, path, FILE_MAX, &data, &size);
        if (r == -ENOENT && !must_exist)
                return 0;
        if (r < 0) {
                snprintf(error, CONFIG_ERROR_SIZE, "%s: cannot be read: %s", path, strerror(-r));
                return r;
        }
        return config_parse(settings, origins, path, data, size, error);
}

/* -- Drop-ins ---------------------------------------------------------------------------------- */

/* An empty file or a link to /dev/null hides those of its name in weaker places. */
static bool is_mask(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return false;
        return S_ISCHR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0);
}

static int is_conf(const struct dirent *d)
{
        size_t len = strlen(d->d_name);

        return d->d_name[0] != '.' && len > 5 && strcmp(d->d_name + len - 5, ".conf") == 0;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Every name once, in the order of reading. */
static int collect_dropins(const char *root, StringList *names)
{
        for (size_t i = 0; i < ELEMENTSOF(dropin_dirs); i++) {
                char path[4096];
                struct dirent **entries;
                int n, r = 0;

                snprintf(path, sizeof(path), "%s%s", root, dropin_dirs[i]);
                n = scandir(path, &entries, is_conf, NULL);
                for (int k = 0; k < n; k++) {
                        bool known = false;

                        for (size_t j = 0; j < names->n; j++)
                                known |= strcmp(names->items[j], entries[k]->d_name) == 0;
                        if (!known && r >= 0)
                                r = string_list_add(names, entries[k]->d_name);
                        free(entries[k]);
                }
                if (n >= 0)
                        free(entries);
                if (r < 0)
                        return r;
        }
        if (names->n > 0)
                qsort(names->items, names->n, sizeof(*names->items), compare_names);
        return 0;
}

static int load_dropins(Settings *settings, ConfigOrigins *origins, const char *root,
        char error[static CONFIG_ERROR_SIZE])
{
        _cleanup_(string_list_clear) StringList names = { 0 };
        int r;

        r = collect_dropins(root, &names);
        for (size_t i = 0; r >= 0 && i < names.n; i++)
                for (size_t k = 0; k < ELEMENTSOF(dropin_dirs); k++) {
                        char path[4096];
                        struct stat st;

                        snprintf(path, sizeof(path), "%s%s/%s", root, dropin_dirs[k],
                                names.items[i]);
                        if (lstat(path, &st) < 0)
                                continue;
                        /* one that is gone by now, or leads nowhere, hides no less */
                        if (!is_mask(path))
                                r = load_file(settings, origins, path, false, error);
                        break;
                }
        if (r == -ENOMEM)
                snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
        return r;
}

/* A bound that stands alone moves the other one, which is only a default, out of its way. */
static void settle_poll(TimeSettings *t, const ConfigOrigins *origins)
{
        if (t->poll_min_usec <= t->poll_max_usec)
                return;
        if (!config_origins_find(origins, "Time", "PollMaxSec"))
                t->poll_max_usec = t->poll_min_usec;
        else if (!config_origins_find(origins, "Time", "PollMinSec"))
                t->poll_min_usec = t->poll_max_usec;
}

/* What is wrong with all files together still has a line: the one that set the value in question.
 */
static int check_all(const Settings *settings, const ConfigOrigins *origins,
        char error[static CONFIG_ERROR_SIZE])
{
        const ConfigOrigin *origin = NULL;
        ConfigFault fault;
        int r = config_check(settings, &fault);

        if (r >= 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(fault.keys) && fault.keys[i] && !origin; i++)
                origin = config_origins_find(origins, fault.section, fault.keys[i]);
        assert(origin); /* no default is at odds with another */
        snprintf(error, CONFIG_ERROR_SIZE, "%.300s:%u: [%s] %s", origin->file, origin->line,
                fault.section, fault.why);
        return r;
}

int config_load(Settings **ret, const ConfigPaths *paths, char error[static CONFIG_ERROR_SIZE])
{
        _cleanup_(config_origins_clear) ConfigOrigins origins = { 0 };
        _cleanup_(settings_freep) Settings *settings = NULL;
        const char *root = paths->root ? paths->root : "";
        char path[4096];
        int r;

        r = settings_new(&settings);
        if (r < 0) {
                snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
                return r;
        }
        if (paths->file) {
                r = load_file(settings, &origins, paths->file, true, error);
        } else {
                snprintf(path, sizeof(path), "%s%s", root, SYSCONFDIR "/lwsd/lwsd.conf");
                r = load_file(settings, &origins, path, false, error);
                if (r >= 0)
                        r = load_dropins(settings, &origins, root, error);
        }
        if (r >= 0) {
                settle_poll(&settings->time, &origins);
                r = check_all(settings, &origins, error);
        }
        if (r >= 0)
                r = config_keys_load(settings, &origins, error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(settings);
        return 0;
}
