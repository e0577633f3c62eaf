/* SPDX-License-Identifier: MIT */
#include "helper/rtnl.h"
#include "core/timer.h"
#include "util/fd.h"
#include "util/log.h"
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define RECEIVE_BUFFER (4 << 20) /* of the kernel, used only in a burst */
/* The kernel fills what the reader offers, up to this much in a dump. */
#define DATAGRAM_MAX       (32 << 10)
#define DATAGRAMS_PER_TURN 64
#define PENDING_MAX        4096
/* Between dumps when the machine changes too fast to be read in one go. */
#define RETRY_USEC     (100 * USEC_PER_MSEC)
#define FAST_RETRY_MAX 5

typedef struct Pending Pending;
struct Pending {
        uint32_t seq;
        RtnlTag tag;
};

/* Dumps follow one another in this order, so that what is told refers to what is known. */
static const uint16_t dump_types[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE };

struct Rtnl {
        const RtnlHandlers *handlers;
        void *userdata;
        struct lws *wsi;
        Timer retry_timer;
        uint32_t seq;
        uint32_t dump_seq;
        size_t dump;  /* index into dump_types; their number when no dump runs */
        bool again;   /* this dump is not whole: start over when it has ended */
        bool overrun; /* something was lost: read everything when the socket is empty */
        unsigned fast_retries;
        Pending *pending; /* in order of their sequence numbers */
        size_t n_pending, pending_allocated;
        _Alignas(8) uint8_t buffer[DATAGRAM_MAX];
};

static bool dump_runs(const Rtnl *rtnl)
{
        return rtnl->dump < ELEMENTSOF(dump_types);
}

static int send_message(Rtnl *rtnl, RtnlRequest *request, uint32_t seq)
{
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

        memcpy(request->data + offsetof(struct nlmsghdr, nlmsg_seq), &seq, sizeof(seq));
        if (sendto(wsi_fd(rtnl->wsi), request->data, request->size, 0, (struct sockaddr *) &kernel,
                    sizeof(kernel)) < 0)
                return -errno;
        return 0;
}

/* -- Dumps ------------------------------------------------------------------------------------- */

static void retry_later(Rtnl *rtnl)
{
        rtnl->dump = ELEMENTSOF(dump_types);
        timer_set(&rtnl->retry_timer, usec_add(thread_now(wsi_thread(rtnl->wsi)), RETRY_USEC));
}

static void send_dump(Rtnl *rtnl)
{
        RtnlRequest request;
        int r;

        rtnl->dump_seq = ++rtnl->seq;
        rtnl_build_dump(&request, 0, dump_types[rtnl->dump], AF_UNSPEC);
        r = send_message(rtnl, &request, rtnl->dump_seq);
        if (r < 0) {
                log_debug("rtnetlink: cannot ask for a dump: %s", strerror(-r));
                retry_later(rtnl);
        }
}

static void start_sync(Rtnl *rtnl)
{
        timer_cancel(&rtnl->retry_timer);
        rtnl->dump = 0;
        rtnl->again = false;
        rtnl->handlers->sync_begin(rtnl->userdata);
        send_dump(rtnl);
}

static void on_retry(Timer *t, usec_t now)
{
        start_sync(container_of(t, Rtnl, retry_timer));
}

/* A dump that runs has to end first: the kernel takes one at a time. */
void rtnl_resync(Rtnl *rtnl)
{
        if (dump_runs(rtnl))
                rtnl->again = true;
        else if (!timer_is_set(&rtnl->retry_timer))
                start_sync(rtnl);
}

static void start_again(Rtnl *rtnl)
{
        if (++rtnl->fast_retries > FAST_RETRY_MAX)
                retry_later(rtnl);
        else
                start_sync(rtnl);
}

static void on_dump_done(Rtnl *rtnl)
{
        if (rtnl->again) {
                rtnl->again = false;
                rtnl->dump = ELEMENTSOF(dump_types);
                if (!rtnl->overrun)
                        start_again(rtnl);
                return;
        }
        rtnl->dump++;
        if (dump_runs(rtnl)) {
                send_dump(rtnl);
                return;
        }
        rtnl->fast_retries = 0;
        rtnl->handlers->sync_end(rtnl->userdata);
}

/* -- Answers ----------------------------------------------------------------------------------- */

static bool take_pending(Rtnl *rtnl, uint32_t seq, RtnlTag *ret)
{
        for (size_t i = 0; i < rtnl->n_pending; i++) {
                if (rtnl->pending[i].seq != seq)
                        continue;
                *ret = rtnl->pending[i].tag;
                rtnl->n_pending--;
                memmove(rtnl->pending + i, rtnl->pending + i + 1,
                        (rtnl->n_pending - i) * sizeof(*rtnl->pending));
                return true;
        }
        return false;
}

static void on_error(Rtnl *rtnl, const RtnlMessage *m)
{
        RtnlTag tag;

        if (dump_runs(rtnl) && m->seq == rtnl->dump_seq) {
                log_debug("rtnetlink: dump refused: %s", strerror(-m->error.error));
                retry_later(rtnl);
        } else if (take_pending(rtnl, m->seq, &tag))
                rtnl->handlers->reply(rtnl->userdata, &tag, m->error.error, m->error.text);
}

/*
 * Notifications and answers were dropped: nobody knows which. What is in the socket still is older
 * than that and may speak of what is gone, and until it has been read the kernel drops all that
 * comes without another word. So everything is read again when the socket is empty.
 */
static void on_overrun(Rtnl *rtnl)
{
        size_t n = rtnl->n_pending;

        if (!rtnl->overrun)
                log_debug("rtnetlink: overrun, everything will be read again");
        rtnl->overrun = true;
        rtnl->again = dump_runs(rtnl);
        while (n-- > 0 && rtnl->n_pending > 0) {
                RtnlTag tag;

                if (take_pending(rtnl, rtnl->pending[0].seq, &tag))
                        rtnl->handlers->reply(rtnl->userdata, &tag, -ENOBUFS, "");
        }
}

static void on_empty(Rtnl *rtnl)
{
        if (!rtnl->overrun || dump_runs(rtnl))
                return;
        rtnl->overrun = false;
        if (!timer_is_set(&rtnl->retry_timer))
                start_again(rtnl);
}

int rtnl_send(Rtnl *rtnl, RtnlRequest *request, const RtnlTag *tag)
{
        uint32_t seq = ++rtnl->seq;
        int r;

        if (rtnl->n_pending >= rtnl->pending_allocated) {
                size_t n = MAX(rtnl->pending_allocated * 2, (size_t) 16);
                Pending *grown;

                if (n > PENDING_MAX)
                        return -ENOBUFS;
                grown = reallocarray(rtnl->pending, n, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                rtnl->pending = grown;
                rtnl->pending_allocated = n;
        }
        r = send_message(rtnl, request, seq);
        if (r < 0)
                return r;
        rtnl->pending[rtnl->n_pending++] = (Pending){ .seq = seq, .tag = *tag };
        return 0;
}

/* -- Reading ----------------------------------------------------------------------------------- */

static void on_message(Rtnl *rtnl, const RtnlMessage *m)
{
        if (m->interrupted)
                rtnl->again = true;
        switch (m->kind) {
        case RTNL_IGNORED:
                break;
        case RTNL_ERROR:
                on_error(rtnl, m);
                break;
        case RTNL_DONE:
                if (dump_runs(rtnl) && m->seq == rtnl->dump_seq)
                        on_dump_done(rtnl);
                break;
        case RTNL_OVERRUN:
                on_overrun(rtnl);
                break;
        case RTNL_LINK:
        case RTNL_ADDRESS:
        case RTNL_ROUTE:
        case RTNL_ND:
                rtnl->handlers->message(rtnl->userdata, m);
                break;
        }
}

/* One datagram: 1, or 0 when there is none. */
static int read_datagram(Rtnl *rtnl)
{
        struct sockaddr_nl from = { 0 };
        struct iovec iov = { rtnl->buffer, sizeof(rtnl->buffer) };
        struct msghdr msg = {
                .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
        };
        ssize_t n = recvmsg(wsi_fd(rtnl->wsi), &msg, MSG_DONTWAIT | MSG_TRUNC);
        RtnlMessage m;
        size_t pos = 0;
        int r;

        if (n < 0 && errno == ENOBUFS) {
                on_overrun(rtnl);
                return 1;
        }
        if (n < 0)
                return 0;
        if (msg.msg_namelen != sizeof(from) || from.nl_pid != 0)
                return 1; /* not from the kernel */
        if (msg.msg_flags & MSG_TRUNC) {
                on_overrun(rtnl);
                return 1;
        }
        while ((r = rtnl_next(rtnl->buffer, (size_t) n, &pos, &m)) != 0) {
                if (r > 0)
                        on_message(rtnl, &m);
                else
                        log_debug("rtnetlink: malformed message ignored");
        }
        return 1;
}

static void on_io(struct lws *wsi, uint32_t revents)
{
        Rtnl *rtnl = wsi_userdata(wsi);

        for (unsigned i = 0; i < DATAGRAMS_PER_TURN; i++)
                if (read_datagram(rtnl) == 0) {
                        on_empty(rtnl);
                        return;
                }
}

/* -- Life -------------------------------------------------------------------------------------- */

static int open_socket(void)
{
        static const int groups[] = { RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_IFINFO, RTNLGRP_ND_USEROPT };
        struct sockaddr_nl address = { .nl_family = AF_NETLINK };
        _cleanup_fd_ int fd = -EBADF;
        int size = RECEIVE_BUFFER, on = 1;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
        if (fd < 0)
                return -errno;
        /* without the privilege for more, what the system allows */
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        (void) setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
        (void) setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(groups); i++)
                if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
                            sizeof(groups[i])) < 0)
                        return -errno;
        return fd_take(&fd);
}

int rtnl_new(Rtnl **ret, struct lws_vhost *vhost, Thread *th, const RtnlHandlers *handlers,
        void *userdata)
{
        _cleanup_(rtnl_freep) Rtnl *rtnl = calloc(1, sizeof(*rtnl));
        int r, fd;

        if (!rtnl)
                return -ENOMEM;
        rtnl->handlers = handlers;
        rtnl->userdata = userdata;
        rtnl->dump = ELEMENTSOF(dump_types);
        timer_init(&rtnl->retry_timer, th, on_retry);
        fd = open_socket();
        if (fd < 0)
                return fd;
        r = wsi_new(&rtnl->wsi, vhost, th, fd, EPOLLIN, on_io, rtnl);
        if (r < 0) {
                fd_close(fd);
                return r;
        }
        start_sync(rtnl);
        *ret = TAKE_PTR(rtnl);
        return 0;
}

Rtnl *rtnl_free(Rtnl *rtnl)
{
        if (!rtnl)
                return NULL;
        timer_cancel(&rtnl->retry_timer);
        wsi_free(rtnl->wsi);
        free(rtnl->pending);
        free(rtnl);
        return NULL;
}

int rtnl_fd(const Rtnl *rtnl)
{
        return wsi_fd(rtnl->wsi);
}
