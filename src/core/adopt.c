/* SPDX-License-Identifier: MIT */
/* libwebsockets' adopted descriptors: a protocol's callback on top of a wsi. */
#include "core/wsi-private.h"
#include "util/fd.h"
#include "util/log.h"
#include <string.h>
#include <sys/epoll.h>

static int tell(struct lws *wsi, enum lws_callback_reasons reason)
{
        return wsi->protocol->callback(wsi, reason, wsi->session, NULL, 0);
}

void wsi_close_adopted(struct lws *wsi)
{
        /* off the list first: the callback may come back here through lws_context_destroy() */
        loop_io_remove(&wsi->io, false);
        list_unlink(&wsi->link);
        wsi->thread->n_adopted--;
        (void) tell(wsi, LWS_CALLBACK_RAW_CLOSE_FILE);
        wsi_free(wsi);
}

static void on_adopted(struct lws *wsi, uint32_t revents)
{
        if (revents & EPOLLOUT) {
                (void) wsi_set_events(wsi, EPOLLIN);
                if (tell(wsi, LWS_CALLBACK_RAW_WRITEABLE_FILE) != 0) {
                        wsi_close_adopted(wsi);
                        return;
                }
        }
        if (revents & (EPOLLIN | EPOLLHUP | EPOLLERR) && tell(wsi, LWS_CALLBACK_RAW_RX_FILE) != 0)
                wsi_close_adopted(wsi);
}

static const struct lws_protocols *find_protocol(const struct lws_vhost *vhost, const char *name)
{
        const struct lws_protocols *p = vhost->protocols;

        for (; p && p->callback; p++)
                if (!name || (p->name && strcmp(p->name, name) == 0))
                        return p;
        return NULL;
}

/* The service thread that is running this call, else thread 0. */
static Thread *calling_thread(struct lws_context *cx)
{
        for (int i = 0; i < cx->n_threads; i++)
                if (atomic_load_explicit(&cx->threads[i].owner, memory_order_relaxed) ==
                        current_os_thread())
                        return &cx->threads[i];
        return &cx->threads[0];
}

static int adopt(
        struct lws **ret, struct lws_vhost *vhost, int fd, const struct lws_protocols *protocol)
{
        Thread *th = calling_thread(vhost->cx);
        unsigned limit = vhost->cx->fd_limit_per_thread;
        _cleanup_(freep) void *session = NULL;
        int r;

        if (limit > 0 && th->n_adopted >= limit)
                return -EMFILE;
        if (protocol->per_session_data_size > 0) {
                session = calloc(1, protocol->per_session_data_size);
                if (!session)
                        return -ENOMEM;
        }
        r = wsi_new(ret, vhost, th, fd, EPOLLIN, on_adopted, NULL);
        if (r < 0)
                return r;
        (*ret)->session = TAKE_PTR(session);
        (*ret)->protocol = protocol;
        th->n_adopted++;
        return 0;
}

_public_ struct lws *lws_adopt_descriptor_vhost(struct lws_vhost *vhost, lws_adoption_type type,
        lws_sock_file_fd_type fd, const char *protocol, struct lws *parent)
{
        const struct lws_protocols *p = vhost ? find_protocol(vhost, protocol) : NULL;
        struct lws *wsi;
        int r = -EINVAL;
        Thread *th;

        if (p && type == LWS_ADOPT_RAW_FILE_DESC && !parent)
                r = adopt(&wsi, vhost, fd.filefd, p);
        if (r < 0) {
                log_error("Cannot adopt descriptor %d for protocol %s: %s", fd.filefd,
                        protocol ? protocol : "(first)", strerror(-r));
                fd_close(fd.filefd);
                return NULL;
        }
        th = wsi->thread;
        th->depth++; /* it may end the context, which is needed here */
        if (tell(wsi, LWS_CALLBACK_RAW_ADOPT_FILE) != 0) {
                wsi_close_adopted(wsi);
                wsi = NULL;
        }
        th->depth--;
        return wsi;
}

_public_ int lws_callback_on_writable(struct lws *wsi)
{
        return wsi_set_events(wsi, EPOLLIN | EPOLLOUT);
}

_public_ int lws_get_socket_fd(struct lws *wsi)
{
        return wsi->io.fd;
}

_public_ struct lws_context *lws_get_context(const struct lws *wsi)
{
        return wsi->thread->cx;
}

_public_ struct lws_vhost *lws_get_vhost(struct lws *wsi)
{
        return wsi->vhost;
}

_public_ const struct lws_protocols *lws_get_protocol(struct lws *wsi)
{
        return wsi->protocol;
}

_public_ void *lws_wsi_user(struct lws *wsi)
{
        return wsi->session;
}

_public_ int lws_get_tsi(struct lws *wsi)
{
        return wsi->thread->tsi;
}
