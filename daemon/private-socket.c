/* SPDX-License-Identifier: MIT */
#include "daemon/private-socket.h"
#include "core/context.h"
#include "core/timer.h"
#include "core/wsi.h"
#include "util/fd.h"
#include "util/log.h"
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

/* Connections taken in one turn, so that a flood of them does not stop the rest. */
#define ACCEPT_BUDGET 64
/* How long nobody is accepted when there are no descriptors left. */
#define PAUSE_USEC USEC_PER_SEC
#define FRESH      ".new"

struct PrivateSocket {
        int fd; /* until the wsi has it */
        struct lws *wsi;
        Thread *thread;
        Timer resume;
        PrivateSocketFn accepted;
        void *userdata;
        bool bound, complained;
        struct sockaddr_un address;
};

static int pause_accepting(PrivateSocket *s, usec_t now)
{
        int r = wsi_set_events(s->wsi, 0);

        timer_set(&s->resume, now + PAUSE_USEC);
        return r;
}

static void on_resume(Timer *t, usec_t now)
{
        PrivateSocket *s = container_of(t, PrivateSocket, resume);

        if (wsi_set_events(s->wsi, EPOLLIN) < 0)
                timer_set(t, now + PAUSE_USEC);
}

static void on_connection(struct lws *wsi, uint32_t revents)
{
        PrivateSocket *s = wsi_userdata(wsi);

        for (unsigned i = 0; i < ACCEPT_BUDGET; i++) {
                int fd = accept4(wsi_fd(wsi), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

                if (fd >= 0) {
                        if (s->accepted(s->userdata, fd) < 0)
                                fd_close(fd);
                        continue;
                }
                if (errno == EINTR || errno == ECONNABORTED)
                        continue;
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                        if (!s->complained)
                                log_warning("No more connections can be accepted for now: %s",
                                        strerror(errno));
                        s->complained = true;
                        (void) pause_accepting(s, thread_now(wsi_thread(wsi)));
                }
                return;
        }
}

static int address_set(PrivateSocket *s, const char *path)
{
        s->address.sun_family = AF_UNIX;
        if (strlen(path) >= sizeof(s->address.sun_path)) {
                log_error("The path of the private socket is over %zu bytes: %s",
                        sizeof(s->address.sun_path) - 1, path);
                return -ENAMETOOLONG;
        }
        strcpy(s->address.sun_path, path);
        return 0;
}

/* Who listened first is dead: what still has the socket is a child of his on its way to another
 * program. */
static bool is_left(int fd)
{
        struct ucred peer = { 0 };
        socklen_t size = sizeof(peer);

        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0 &&
               kill(peer.pid, 0) < 0 && errno == ESRCH;
}

static int is_served(const struct sockaddr_un *address)
{
        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *) address, sizeof(*address)) == 0)
                return !is_left(fd);
        if (errno == EAGAIN)
                return 1;
        return errno == ECONNREFUSED || errno == ENOENT ? 0 : -errno;
}

/* Only a socket can be what a dead lwsd left; anything else is somebody's, and stays. */
static int check_replaceable(const char *path)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (S_ISSOCK(st.st_mode))
                return 0;
        log_error("%s is no socket, and in the way of the private socket", path);
        return -EEXIST;
}

/* Under another name first: who waits for the path to appear may connect at once. */
static int socket_listen(const struct sockaddr_un *address)
{
        _cleanup_fd_ int fd = -EBADF;
        const size_t length = strlen(address->sun_path);
        struct sockaddr_un fresh = *address;
        int r;

        /* a path that long has to do without */
        if (length + strlen(FRESH) < sizeof(fresh.sun_path))
                strcpy(fresh.sun_path + length, FRESH);
        r = check_replaceable(address->sun_path);
        if (r >= 0)
                r = check_replaceable(fresh.sun_path);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || (unlink(fresh.sun_path) < 0 && errno != ENOENT) ||
                bind(fd, (const struct sockaddr *) &fresh, sizeof(fresh)) < 0)
                return -errno;
        /* anyone may connect; what they may do is decided by who they are */
        if (chmod(fresh.sun_path, 0666) < 0 || listen(fd, SOMAXCONN) < 0 ||
                rename(fresh.sun_path, address->sun_path) < 0) {
                r = -errno;
                (void) unlink(fresh.sun_path);
                return r;
        }
        return fd_take(&fd);
}

static int socket_bind(PrivateSocket *s, int *ret_fd)
{
        int r;

        r = is_served(&s->address);
        if (r > 0) {
                log_error("Another lwsd serves %s", s->address.sun_path);
                return -EADDRINUSE;
        }
        if (r == 0)
                r = socket_listen(&s->address);
        if (r == -EEXIST) /* said by its own name */
                return r;
        if (r < 0) {
                log_error("The private socket %s cannot be made: %s", s->address.sun_path,
                        strerror(-r));
                return r;
        }
        s->bound = true;
        *ret_fd = r;
        return 0;
}

/* systemd names it after FileDescriptorName=, but any listening socket will do. */
static int take_activated(StoredFd *fds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (fds[i].fd >= 0 && sd_is_socket_unix(fds[i].fd, SOCK_STREAM, 1, NULL, 0) > 0) {
                        int fd = fds[i].fd;

                        fds[i].fd = -EBADF;
                        (void) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
                        return fd;
                }
        return -ENOENT;
}

int private_socket_new(PrivateSocket **ret, Thread *th, const char *path, StoredFd *fds, size_t n,
        PrivateSocketFn accepted, void *userdata)
{
        PrivateSocket *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->thread = th;
        s->accepted = accepted;
        s->userdata = userdata;
        timer_init(&s->resume, th, on_resume);
        r = s->fd = take_activated(fds, n);
        if (s->fd < 0 && (r = address_set(s, path)) >= 0)
                r = socket_bind(s, &s->fd);
        if (r < 0) {
                private_socket_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

int private_socket_serve(PrivateSocket *s)
{
        int r = wsi_new(&s->wsi, context_vhost_own(thread_context(s->thread)), s->thread, s->fd,
                EPOLLIN, on_connection, s);

        if (r >= 0)
                s->fd = -EBADF;
        return r;
}

PrivateSocket *private_socket_free(PrivateSocket *s)
{
        if (!s)
                return NULL;
        timer_cancel(&s->resume);
        wsi_free(s->wsi);
        fd_close(s->fd);
        if (s->bound)
                (void) unlink(s->address.sun_path);
        free(s);
        return NULL;
}
