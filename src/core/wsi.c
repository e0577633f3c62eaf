/* SPDX-License-Identifier: MIT */
#include "core/wsi-private.h"
#include "util/fd.h"

static void on_io(LoopIo *io, uint32_t revents)
{
        struct lws *wsi = container_of(io, struct lws, io);
        Thread *th = wsi->thread;

        thread_begin(th);
        wsi->fn(wsi, revents);
        thread_end(th);
}

int wsi_new(struct lws **ret, struct lws_vhost *vhost, Thread *th, int fd, uint32_t events,
        WsiFn fn, void *userdata)
{
        struct lws *wsi;
        int r;

        if (!th->loop)
                return -ESHUTDOWN;
        wsi = malloc(sizeof(*wsi));
        if (!wsi)
                return -ENOMEM;
        *wsi = (struct lws){ .thread = th,
                .vhost = vhost,
                .fn = fn,
                .userdata = userdata,
                .io = { .fd = fd, .events = events, .fn = on_io } };
        r = loop_io_add(th->loop, &wsi->io);
        if (r < 0) {
                free(wsi);
                return r;
        }
        list_link_tail(&th->wsis, &wsi->link);
        *ret = wsi;
        return 0;
}

struct lws *wsi_free(struct lws *wsi)
{
        if (!wsi)
                return NULL;
        loop_io_remove(&wsi->io, true);
        fd_close(wsi->io.fd);
        list_unlink(&wsi->link);
        free(wsi->session);
        free(wsi);
        return NULL;
}

/* The thread goes. An adopted wsi is closed; one of a helper is its owner's to free, and hears
 * nothing any more. */
void wsis_close(Thread *th)
{
        while (!list_is_empty(&th->wsis)) {
                struct lws *wsi = list_entry(list_first(&th->wsis), struct lws, link);

                if (wsi->protocol) {
                        wsi_close_adopted(wsi);
                        continue;
                }
                loop_io_remove(&wsi->io, false);
                list_unlink(&wsi->link);
        }
}

int wsi_set_events(struct lws *wsi, uint32_t events)
{
        return wsi->io.loop ? loop_io_set_events(&wsi->io, events) : -ESHUTDOWN;
}

int wsi_fd(const struct lws *wsi)
{
        return wsi->io.fd;
}

void *wsi_userdata(const struct lws *wsi)
{
        return wsi->userdata;
}

Thread *wsi_thread(const struct lws *wsi)
{
        return wsi->thread;
}
