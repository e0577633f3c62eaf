/* SPDX-License-Identifier: MIT */
/*
 * A preload that leads chronyd through a simulated week (tests/lib/ntp-world.h): its clock, its
 * sockets and its waiting are the world's, and a week takes seconds. It knows what chronyd 4 does
 * with a few servers given by address (10.77.0.1 is the first), and no more: chronyd -d -U -u root
 * "server 10.77.0.1 iburst" "clockprecision 1e-7" "cmdport 0" ... WORLD_WEEK   which of the weeks
 *   WORLD_SEED   of the oscillator and the network
 *   WORLD_RESULT where to write, once the week is over: rms and worst error in seconds, steps
 */
#include "lib/ntp-world.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX 256 /* descriptors below this may be the world's */
#define WAITING_MAX 64

typedef struct Socket Socket;
struct Socket {
        bool used;
        int server; /* it is connected to, -1: none */
};

typedef struct Waiting Waiting;
struct Waiting {
        bool used;
        int fd;
        WorldReply reply;
};

static World world;
static bool begun;
static unsigned steps;
static struct timex kernel = { .tick = 10000, .status = STA_UNSYNC, .maxerror = 16000000 };
static const Week *week;
static Socket sockets[SOCKETS_MAX];
static Waiting waiting[WAITING_MAX];

static void begin(void)
{
        if (begun)
                return;
        begun = true;
        week = &weeks[atoi(getenv("WORLD_WEEK"))];
        world = week_begin(week, strtoull(getenv("WORLD_SEED"), NULL, 0));
}

static void end(void)
{
        FILE *f = fopen(getenv("WORLD_RESULT"), "w");

        if (f) {
                fprintf(f, "%.9f %.9f %u\n", world_rms_late(&world), world.worst_late, steps);
                fclose(f);
        }
        _exit(0);
}

/* -- The clock ------------------------------------------------------------------------------ */

int clock_gettime(clockid_t id, struct timespec *ts)
{
        int64_t nsec;

        begin();
        /* whoever reads it again and again sees it move */
        world_advance(&world, world.now + 50e-9);
        nsec = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE
                       ? world_local_nsec(&world)
                       : (int64_t) ((world.now + 1000) * 1e9);
        *ts = (struct timespec){ nsec / NTP_NSEC_PER_SEC, nsec % NTP_NSEC_PER_SEC };
        return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        *tv = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
        return 0;
}

time_t time(time_t *t)
{
        struct timespec ts;

        (void) clock_gettime(CLOCK_REALTIME, &ts);
        if (t)
                *t = ts.tv_sec;
        return ts.tv_sec;
}

int settimeofday(const struct timeval *tv, const struct timezone *tz)
{
        begin();
        world.clock_error += (double) (tv->tv_sec * NTP_NSEC_PER_SEC + tv->tv_usec * 1000 -
                                       world_local_nsec(&world)) *
                             1e-9;
        steps++;
        return 0;
}

int adjtimex(struct timex *tx)
{
        int64_t now, unit = tx->modes & ADJ_NANO ? 1 : 1000, by;

        begin();
        by = tx->time.tv_sec * NTP_NSEC_PER_SEC + tx->time.tv_usec * unit;
        if (tx->modes & ADJ_SETOFFSET && by != 0) {
                world.clock_error += (double) by * 1e-9;
                steps++;
        }
        if (tx->modes & ADJ_FREQUENCY)
                kernel.freq = tx->freq;
        if (tx->modes & ADJ_TICK)
                kernel.tick = tx->tick;
        if (tx->modes & ADJ_STATUS)
                kernel.status = tx->status;
        if (tx->modes & ADJ_MAXERROR)
                kernel.maxerror = tx->maxerror;
        if (tx->modes & ADJ_ESTERROR)
                kernel.esterror = tx->esterror;
        world.rate = (double) kernel.freq / 65536e6 + (double) (kernel.tick - 10000) * 1e-4;
        now = world_local_nsec(&world);
        *tx = kernel;
        tx->time = (struct timeval){ now / NTP_NSEC_PER_SEC, now % NTP_NSEC_PER_SEC / 1000 };
        return kernel.status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

/* -- Sockets -------------------------------------------------------------------------------- */

static Socket *ours(int fd)
{
        return fd >= 0 && fd < SOCKETS_MAX && sockets[fd].used ? &sockets[fd] : NULL;
}

int socket(int domain, int type, int protocol)
{
        int fd;

        if (domain != AF_INET || (type & 15) != SOCK_DGRAM)
                return (int) syscall(SYS_socket, domain, type, protocol);
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd >= SOCKETS_MAX)
                abort();
        if (fd >= 0)
                sockets[fd] = (Socket){ .used = true, .server = -1 };
        return fd;
}

int close(int fd)
{
        if (ours(fd))
                sockets[fd].used = false;
        for (size_t i = 0; i < WAITING_MAX; i++)
                if (waiting[i].used && waiting[i].fd == fd)
                        waiting[i].used = false;
        return (int) syscall(SYS_close, fd);
}

static int server_of(const struct sockaddr *sa)
{
        const struct sockaddr_in *in = (const void *) sa;

        return (int) (ntohl(in->sin_addr.s_addr) & 0xff) - 1;
}

int connect(int fd, const struct sockaddr *sa, socklen_t size)
{
        if (!ours(fd))
                return (int) syscall(SYS_connect, fd, sa, size);
        sockets[fd].server = server_of(sa);
        return 0;
}

int bind(int fd, const struct sockaddr *sa, socklen_t size)
{
        return ours(fd) ? 0 : (int) syscall(SYS_bind, fd, sa, size);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
        return ours(fd) ? 0 : (int) syscall(SYS_setsockopt, fd, level, name, value, size);
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size)
{
        if (!ours(fd))
                return (int) syscall(SYS_getsockopt, fd, level, name, value, size);
        memset(value, 0, *size);
        return 0;
}

int getsockname(int fd, struct sockaddr *restrict sa, socklen_t *restrict size)
{
        if (!ours(fd))
                return (int) syscall(SYS_getsockname, fd, sa, size);
        *(struct sockaddr_in *) (void *) sa = (struct sockaddr_in){ .sin_family = AF_INET };
        *size = sizeof(struct sockaddr_in);
        return 0;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
        Waiting *w = NULL;
        int server;

        if (!ours(fd))
                return syscall(SYS_sendmsg, fd, msg, flags);
        for (size_t i = 0; i < WAITING_MAX && !w; i++)
                if (!waiting[i].used)
                        w = &waiting[i];
        server = msg->msg_name ? server_of(msg->msg_name) : sockets[fd].server;
        if (!w || server < 0 || server >= world.n_servers)
                abort();
        w->fd = fd;
        w->used = world_ask(
                &world, server, msg->msg_iov[0].iov_base, msg->msg_iov[0].iov_len, &w->reply);
        return (ssize_t) msg->msg_iov[0].iov_len;
}

static Waiting *first_of(int fd)
{
        Waiting *first = NULL;

        for (size_t i = 0; i < WAITING_MAX; i++) {
                Waiting *w = &waiting[i];

                if (w->used && (fd < 0 || w->fd == fd) && (!first || w->reply.at < first->reply.at))
                        first = w;
        }
        return first;
}

static ssize_t take(int fd, struct msghdr *msg, int flags)
{
        Waiting *w = flags & MSG_ERRQUEUE ? NULL : first_of(fd);

        if (!w || w->reply.at > world.now) {
                errno = EAGAIN;
                return -1;
        }
        w->used = false;
        memcpy(msg->msg_iov[0].iov_base, w->reply.data, w->reply.size);
        if (msg->msg_name) {
                *(struct sockaddr_in *) msg->msg_name = (struct sockaddr_in){ .sin_family = AF_INET,
                        .sin_port = htons(123),
                        .sin_addr.s_addr = htonl(0x0a4d0001u + (uint32_t) sockets[fd].server) };
                msg->msg_namelen = sizeof(struct sockaddr_in);
        }
        msg->msg_controllen = 0;
        msg->msg_flags = 0;
        return (ssize_t) w->reply.size;
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
        return ours(fd) ? take(fd, msg, flags) : syscall(SYS_recvmsg, fd, msg, flags);
}

int recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
        ssize_t size;

        if (!ours(fd))
                return (int) syscall(SYS_recvmmsg, fd, msgs, n, flags, timeout);
        size = take(fd, &msgs[0].msg_hdr, flags);
        if (size < 0)
                return -1;
        msgs[0].msg_len = (unsigned) size;
        return 1;
}

/* -- Waiting -------------------------------------------------------------------------------- */

int select(int n, fd_set *restrict readable, fd_set *restrict writable, fd_set *restrict other,
        struct timeval *restrict timeout)
{
        Waiting *w = first_of(-1);
        double next, passed, last;
        int fd = -1;

        begin();
        next = last = week_sec(week);
        if (timeout)
                next = world.now + (double) timeout->tv_sec + (double) timeout->tv_usec * 1e-6;
        if (w && w->reply.at <= next && readable && FD_ISSET(w->fd, readable)) {
                next = fmax(w->reply.at, world.now);
                fd = w->fd;
        }
        passed = next - world.now;
        world_advance(&world, fmin(next, last));
        if (world.now >= last)
                end();
        if (timeout) { /* Linux says what is left of it, and chronyd looks */
                double left = (double) timeout->tv_sec + (double) timeout->tv_usec * 1e-6 - passed;

                timeout->tv_sec = (time_t) fmax(left, 0);
                timeout->tv_usec = (suseconds_t) ((fmax(left, 0) - (double) timeout->tv_sec) * 1e6);
        }
        if (readable)
                FD_ZERO(readable);
        if (writable)
                FD_ZERO(writable);
        if (other)
                FD_ZERO(other);
        if (fd >= 0)
                FD_SET(fd, readable);
        return fd >= 0;
}
