/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <ev.h>
#include <lwsd/lwsd-client-ev.h>
#include <stdlib.h>

/*
 * A client on libev, through the public interface only. ev_io runs the turn, ev_prepare sends what
 * the callbacks of this iteration asked for just before the loop polls.
 */

#define _public_ __attribute__((visibility("default")))

typedef struct EvBinding EvBinding;
struct EvBinding {
        ev_io io;
        ev_prepare prepare;
        lwsd_client *client;
        struct ev_loop *loop;
        EvBinding *next;
};

/* Which client is on which binding; one client belongs to one thread, and so does the list. */
static _Thread_local EvBinding *bindings;

static void binding_on_io(struct ev_loop *loop, ev_io *io, int revents)
{
        EvBinding *binding = io->data;

        /* The binding may be freed inside. */
        (void) lwsd_client_process(binding->client);
}

static void binding_on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
        EvBinding *binding = prepare->data;

        /* What must be done at once keeps the descriptor readable, so poll returns at once. */
        (void) lwsd_client_prepare(binding->client);
}

static void binding_detach(lwsd_client *client, void *opaque)
{
        EvBinding *binding = opaque, **at = &bindings;

        while (*at && *at != binding)
                at = &(*at)->next;
        if (*at)
                *at = binding->next;
        ev_ref(binding->loop);
        ev_prepare_stop(binding->loop, &binding->prepare);
        ev_io_stop(binding->loop, &binding->io);
        free(binding);
}

_public_ int lwsd_client_attach_ev(lwsd_client *client, struct ev_loop *loop)
{
        EvBinding *binding;
        int fd, r;

        if (!loop)
                return -EINVAL;
        fd = lwsd_client_get_fd(client);
        if (fd < 0)
                return fd;
        for (EvBinding *b = bindings; b; b = b->next)
                if (b->client == client)
                        return -EBUSY;
        binding = calloc(1, sizeof *binding);
        if (!binding)
                return -ENOMEM;
        binding->client = client;
        binding->loop = loop;
        r = lwsd_client_set_prepare(client, binding_detach, binding);
        if (r < 0) {
                free(binding);
                return r;
        }
        ev_io_init(&binding->io, binding_on_io, fd, EV_READ);
        binding->io.data = binding;
        ev_io_start(loop, &binding->io);
        ev_prepare_init(&binding->prepare, binding_on_prepare);
        binding->prepare.data = binding;
        ev_prepare_start(loop, &binding->prepare);
        ev_unref(loop); /* the prepare watcher alone shall not keep ev_run() going */
        binding->next = bindings;
        bindings = binding;
        return 0;
}

_public_ int lwsd_client_detach_ev(lwsd_client *client)
{
        if (!client)
                return -EINVAL;
        for (EvBinding *b = bindings; b; b = b->next)
                if (b->client == client)
                        return lwsd_client_set_prepare(client, NULL, NULL);
        return -ENOENT;
}
