/* SPDX-License-Identifier: MIT */
/* The files of the resolver: /etc/resolv.conf and /etc/hosts read and watched, resolv.conf and
 * stub-resolv.conf of the runtime folder written. */
#include "helper/resolver-private.h"
#include "util/fd.h"
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#define ETC             "/etc"
#define HOSTS           ETC "/hosts"
#define RESOLV_CONF     ETC "/resolv.conf"
#define RESOLV_CONF_MAX 65536
#define HEADER          "made by lwsd"
#define WATCHED         (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVED_FROM)

struct ResolverFiles {
        Resolver *resolver;
        struct lws *wsi; /* inotify; NULL where there is none */
        int etc_watch, target_watch;
        int file_watches[2]; /* the files themselves, where they are mounted over their names */
        char target[256];    /* the folder that resolv.conf's link leads to */
        DnsResolvConf conf;
        bool have_conf;
        char *written, *written_stub;
        int error; /* of the last write */
};

static bool is_ours(const char *text)
{
        return strncmp(text, "# " HEADER, strlen("# " HEADER)) == 0;
}

static bool confs_equal(const DnsResolvConf *a, const DnsResolvConf *b)
{
        if (a->n_servers != b->n_servers || a->n_search != b->n_search || a->ndots != b->ndots)
                return false;
        for (size_t i = 0; i < a->n_servers; i++)
                if (!endpoint_equal(&a->servers[i], &b->servers[i]))
                        return false;
        for (size_t i = 0; i < a->n_search; i++)
                if (!dns_name_equal(&a->search[i], &b->search[i]))
                        return false;
        return true;
}

/* True when it now says something else. */
static bool read_resolvconf(ResolverFiles *f)
{
        _cleanup_(freep) char *text = NULL;
        bool had = f->have_conf;
        DnsResolvConf old = f->conf;
        size_t size;

        f->have_conf = file_read(AT_FDCWD, RESOLV_CONF, RESOLV_CONF_MAX, &text, &size) >= 0 &&
                       !is_ours(text);
        if (f->have_conf)
                dns_resolvconf_parse(&f->conf, text, size);
        return had != f->have_conf || (had && !confs_equal(&old, &f->conf));
}

static void read_hosts(ResolverFiles *f)
{
        _cleanup_(freep) char *text = NULL;
        DnsHosts *hosts = NULL;
        size_t size = 0;

        if (f->resolver->settings->dns.read_hosts &&
                file_read(AT_FDCWD, HOSTS, DNS_HOSTS_FILE_MAX, &text, &size) >= 0 &&
                dns_hosts_parse(&hosts, text, size) < 0)
                log_error("DNS: no memory for %s", HOSTS);
        dns_client_set_hosts(f->resolver->client, hosts);
}

/* A link leads elsewhere: that folder is to be watched as well. */
static void watch_target(ResolverFiles *f)
{
        _cleanup_(freep) char *real = realpath(RESOLV_CONF, NULL);
        char *slash = real ? strrchr(real, '/') : NULL;

        if (slash)
                *slash = 0;
        if (slash && strcmp(real, f->target) == 0)
                return;
        if (f->target_watch >= 0)
                (void) inotify_rm_watch(wsi_fd(f->wsi), f->target_watch);
        f->target_watch = -1;
        f->target[0] = 0;
        if (!slash || strcmp(real, ETC) == 0 || strlen(real) >= sizeof(f->target))
                return;
        f->target_watch = inotify_add_watch(wsi_fd(f->wsi), real, WATCHED);
        if (f->target_watch >= 0)
                strcpy(f->target, real);
}

static void watch_files(ResolverFiles *f)
{
        static const char *const names[2] = { HOSTS, RESOLV_CONF };

        for (size_t i = 0; i < 2; i++)
                f->file_watches[i] = inotify_add_watch(wsi_fd(f->wsi), names[i], IN_CLOSE_WRITE);
}

static bool event_matters(const ResolverFiles *f, const struct inotify_event *e)
{
        if (e->mask & IN_IGNORED)
                return false;
        if (e->mask & IN_Q_OVERFLOW || e->len == 0)
                return true;
        if (e->wd == f->etc_watch)
                return strcmp(e->name, "hosts") == 0 || strcmp(e->name, "resolv.conf") == 0;
        return e->wd == f->target_watch && strcmp(e->name, "resolv.conf") == 0;
}

static void on_inotify(struct lws *wsi, uint32_t revents)
{
        _Alignas(struct inotify_event) char buf[4096];
        ResolverFiles *f = wsi_userdata(wsi);
        Resolver *r = f->resolver;
        bool matters = false;
        ssize_t n;

        (void) revents;
        n = read(wsi_fd(wsi), buf, sizeof(buf));
        for (ssize_t at = 0; n > 0 && at + (ssize_t) sizeof(struct inotify_event) <= n;) {
                const struct inotify_event *e = (const void *) (buf + at);

                matters = matters || event_matters(f, e);
                at += (ssize_t) (sizeof(*e) + e->len);
        }
        if (!matters)
                return;
        watch_target(f);
        watch_files(f);
        read_hosts(f);
        if (read_resolvconf(f))
                servers_update(r);
        resolver_kick(r);
}

static void start_watching(ResolverFiles *f)
{
        int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        Resolver *r = f->resolver;

        if (fd < 0 || wsi_new(&f->wsi, r->vhost, r->thread, fd, EPOLLIN, on_inotify, f) < 0) {
                fd_close(fd);
                log_warning("DNS: cannot watch %s; changes of it are not seen", RESOLV_CONF);
                return;
        }
        f->etc_watch = inotify_add_watch(fd, ETC, WATCHED);
        watch_target(f);
        watch_files(f);
}

int files_new(Resolver *r)
{
        ResolverFiles *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        f->resolver = r;
        f->etc_watch = f->target_watch = -1;
        r->files = f;
        start_watching(f);
        read_hosts(f);
        (void) read_resolvconf(f);
        return 0;
}

void files_free(Resolver *r)
{
        if (!r->files)
                return;
        wsi_free(r->files->wsi);
        free(r->files->written);
        free(r->files->written_stub);
        free(r->files);
        r->files = NULL;
}

const DnsResolvConf *files_resolvconf(const Resolver *r)
{
        return r->files->have_conf ? &r->files->conf : NULL;
}

/* Only when it differs, so that who watches the file wakes for a reason. */
static void write_file(Resolver *r, const char *name, const DnsResolvConf *c, char **last)
{
        _cleanup_(freep) char *text = malloc(RESOLV_CONF_MAX), *there = NULL;
        _cleanup_fd_ int dir = -EBADF;
        size_t size;
        int n;

        if (!text)
                return;
        n = dns_resolvconf_format(c, HEADER, text, RESOLV_CONF_MAX);
        if (n < 0)
                return;
        text[n] = 0;
        if (*last && strcmp(*last, text) == 0)
                return;
        dir = open(r->settings->runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return;
        if (file_read(dir, name, RESOLV_CONF_MAX, &there, &size) < 0 || strcmp(there, text) != 0) {
                int error = file_write_atomic(dir, name, text, (size_t) n, 0644);

                if (error < 0) {
                        if (error != r->files->error) /* once, however often it is tried */
                                log_error("%s/%s cannot be written: %s", r->settings->runtime_dir,
                                        name, strerror(-error));
                        r->files->error = error;
                        return;
                }
                r->files->error = 0;
        }
        free(*last);
        *last = TAKE_PTR(text);
}

static bool is_there(const Resolver *r, const char *name)
{
        _cleanup_fd_ int dir = open(r->settings->runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return dir >= 0 && faccessat(dir, name, F_OK, 0) == 0;
}

void files_write(Resolver *r, const DnsResolvConf *c)
{
        const EndpointList *stubs = &r->settings->dns.stub;
        DnsResolvConf out = *c;

        if (!r->settings->runtime_dir)
                return;
        /* the file cannot say ports */
        out.n_servers = 0;
        for (size_t i = 0; i < c->n_servers; i++)
                if (c->servers[i].port == 0 || c->servers[i].port == 53)
                        out.servers[out.n_servers++] = c->servers[i];
        /* a scope is a link's name there */
        for (size_t i = 0; i < out.n_servers; i++)
                if (ip_is_link_local(&out.servers[i].addr) && !out.servers[i].ifname[0] &&
                        out.servers[i].addr.family == AF_INET6)
                        (void) if_indextoname(
                                (unsigned) out.servers[i].ifindex, out.servers[i].ifname);
        write_file(r, "resolv.conf", &out, &r->files->written);
        /* without a stub, who was pointed there is sent on to the servers themselves */
        if (stubs->n == 0 && !is_there(r, "stub-resolv.conf"))
                return;
        if (stubs->n > 0)
                out.n_servers = 0;
        for (size_t i = 0; i < stubs->n && i < DNS_SERVERS_MAX; i++)
                out.servers[out.n_servers++] = stubs->items[i];
        write_file(r, "stub-resolv.conf", &out, &r->files->written_stub);
}
