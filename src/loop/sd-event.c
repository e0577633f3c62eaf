/* SPDX-License-Identifier: MIT */
/*
 * sd-event as the loop, own or the caller's. The wake descriptor's source carries the prepare
 * callback, which sd-event calls before each poll; when that finds work, a defer source is switched
 * on for the iteration that follows. sd-event takes a defer source for one that has waited longest,
 * so every other time it goes behind what else is ready: work without end starves nobody.
 */
#include "loop/io-set.h"
#include <systemd/sd-event.h>

typedef struct SdLoop SdLoop;
struct SdLoop {
        Loop loop;
        sd_event *event;
        IoSet set;
        sd_event_source *io, *wake, *work;
        bool behind;
};

static SdLoop *of(Loop *loop)
{
        return container_of(loop, SdLoop, loop);
}

static int on_prepare(sd_event_source *s, void *userdata)
{
        SdLoop *l = userdata;

        if (l->loop.hooks.prepare(l->loop.hooks.userdata) == LOOP_SLEEP)
                return 0;
        l->behind = !l->behind;
        (void) sd_event_source_set_priority(l->work, SD_EVENT_PRIORITY_NORMAL + l->behind);
        return sd_event_source_set_enabled(l->work, SD_EVENT_ONESHOT);
}

static int on_work(sd_event_source *s, void *userdata)
{
        SdLoop *l = userdata;

        io_set_turn(&l->set, &l->loop.hooks);
        return 0;
}

static int on_wake(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        return on_work(s, userdata);
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
        SdLoop *l = userdata;

        /* an error is one of memory, and the next turn's to overcome: this source is not to be
         * switched off for it */
        (void) io_set_run(&l->set, false);
        return 0;
}

static Loop *sd_loop_free(Loop *loop)
{
        SdLoop *l = of(loop);

        sd_event_source_disable_unref(l->work);
        sd_event_source_disable_unref(l->wake);
        sd_event_source_disable_unref(l->io);
        io_set_deinit(&l->set);
        sd_event_unref(l->event);
        free(l);
        return NULL;
}

static int set_up(SdLoop *l, int wake_fd)
{
        int r;

        r = sd_event_add_defer(l->event, &l->work, on_work, l);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(l->work, SD_EVENT_OFF);
        if (r < 0)
                return r;
        /* Edge triggered: each write is an event of its own, so the eventfd is never read. */
        r = sd_event_add_io(l->event, &l->wake, wake_fd, EPOLLIN | EPOLLET, on_wake, l);
        if (r < 0)
                return r;
        r = sd_event_add_io(l->event, &l->io, l->set.fd, EPOLLIN, on_io, l);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(l->io, "lws-io");
        (void) sd_event_source_set_description(l->wake, "lws-wake");
        (void) sd_event_source_set_description(l->work, "lws-work");
        return sd_event_source_set_prepare(l->wake, on_prepare);
}

static int sd_loop_new(Loop **ret, void *foreign, int wake_fd, const LoopHooks *hooks)
{
        SdLoop *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->loop = (Loop){ .ops = &loop_sd_event, .hooks = *hooks };
        r = io_set_init(&l->set);
        if (foreign)
                l->event = sd_event_ref(foreign);
        else if (r >= 0)
                r = sd_event_new(&l->event);
        if (r >= 0)
                r = set_up(l, wake_fd);
        if (r < 0) {
                sd_loop_free(&l->loop);
                return r;
        }
        *ret = &l->loop;
        return 0;
}

static int sd_loop_io_add(Loop *loop, LoopIo *io)
{
        return io_set_add(&of(loop)->set, io);
}

static int sd_loop_io_modify(Loop *loop, LoopIo *io)
{
        return io_set_modify(&of(loop)->set, io);
}

static void sd_loop_io_remove(Loop *loop, LoopIo *io, bool closing)
{
        io_set_remove(&of(loop)->set, io, closing);
}

static int sd_loop_run(Loop *loop, bool wait)
{
        sd_event *event = sd_event_ref(of(loop)->event);
        int r = sd_event_run(event, wait ? UINT64_MAX : 0);

        sd_event_unref(event);
        return r < 0 ? r : 0;
}

static int sd_loop_fd(Loop *loop)
{
        return -EOPNOTSUPP;
}

const LoopOps loop_sd_event = {
        .make = sd_loop_new,
        .free = sd_loop_free,
        .io_add = sd_loop_io_add,
        .io_modify = sd_loop_io_modify,
        .io_remove = sd_loop_io_remove,
        .run = sd_loop_run,
        .fd = sd_loop_fd,
};
