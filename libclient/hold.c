/* SPDX-License-Identifier: MIT */
#include "dbus/names.h"
#include "libclient/client-private.h"
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/*
 * A hold is a descriptor whose other end lwsd has. When that end closes (lwsd crashed and nobody
 * kept it, or another one is in charge), ours says HUP: the hold is lost, and taken again.
 */

#define HOLD_TEXT_MAX 255u

static void hold_free(lwsd_hold *hold)
{
        sd_bus_slot_unref(hold->call);
        if (hold->fd >= 0)
                close(hold->fd);
        free(hold->who);
        free(hold->why);
        free(hold);
}

static void hold_release(lwsd_client *client, lwsd_hold *hold)
{
        if (hold->polled)
                epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, hold->fd, NULL);
        hold->polled = false;
        if (hold->fd >= 0)
                close(hold->fd);
        hold->fd = -1;
}

static void hold_unlink(lwsd_client *client, lwsd_hold *hold)
{
        hold->call = sd_bus_slot_unref(hold->call);
        hold_release(client, hold);
        client_not_due(client, &hold->due);
        TAILQ_REMOVE(&client->holds, hold, link);
        hold->client = NULL;
}

static void hold_run(lwsd_client *client, Due *due)
{
        lwsd_hold *hold = (lwsd_hold *) due;
        int result = LWSD_HOLD_LOST;

        if (hold->tell_lost) {
                hold->tell_lost = false;
                if (hold->tell)
                        client_due(client, due);
        } else {
                hold->tell = false;
                result = hold->result;
        }
        if (!hold->cb)
                return;
        hold->busy = true;
        hold->cb(hold, result, hold->opaque);
        hold->busy = false;
        if (hold->dead)
                hold_free(hold);
}

static void hold_tell(lwsd_client *client, lwsd_hold *hold, int result)
{
        hold->result = result;
        hold->tell = true;
        client_due(client, &hold->due);
}

_public_ int lwsd_client_hold(lwsd_client *client, lwsd_hold **ret_hold, lws_system_states_t state,
        const char *who, const char *why, lwsd_hold_cb_t cb, void *opaque)
{
        int r = client_check(client);
        lwsd_hold *hold;

        if (r < 0)
                return r;
        if (!ret_hold || !who || !who[0] || !why)
                return -EINVAL;
        if (!state_is_attachable(state))
                return -ERANGE;
        if (strlen(who) > HOLD_TEXT_MAX || strlen(why) > HOLD_TEXT_MAX)
                return -E2BIG;
        hold = calloc(1, sizeof *hold);
        if (!hold)
                return -ENOMEM;
        hold->fd = -1;
        hold->who = strdup(who);
        hold->why = strdup(why);
        if (!hold->who || !hold->why) {
                hold_free(hold);
                return -ENOMEM;
        }
        hold->client = client;
        hold->state = state;
        hold->cb = cb;
        hold->opaque = opaque;
        hold->due.run = hold_run;
        TAILQ_INSERT_TAIL(&client->holds, hold, link);
        client_kick(client);
        *ret_hold = hold;
        return 0;
}

_public_ lwsd_hold *lwsd_hold_unref(lwsd_hold *hold)
{
        if (!hold)
                return NULL;
        if (hold->client)
                hold_unlink(hold->client, hold);
        if (hold->busy)
                hold->dead = true;
        else
                hold_free(hold);
        return NULL;
}

_public_ int lwsd_hold_get_fd(const lwsd_hold *hold)
{
        if (!hold)
                return -EINVAL;
        return hold->phase == HOLD_TAKEN && hold->fd >= 0 ? hold->fd : -EAGAIN;
}

/* -- Taking ----------------------------------------------------------------------------------- */

static void hold_taken(lwsd_client *client, lwsd_hold *hold, int fd)
{
        struct epoll_event event = { .events = 0, .data.ptr = hold }; /* HUP comes unasked */
        bool again = hold->was_taken;

        hold->fd = fd;
        hold->phase = HOLD_TAKEN;
        hold->was_taken = true;
        hold->polled = epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
        hold_tell(client, hold, again ? LWSD_HOLD_TAKEN_AGAIN : LWSD_HOLD_TAKEN);
}

static int hold_on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        lwsd_hold *hold = userdata;
        lwsd_client *client = hold->client;
        int fd;

        if (connection_reply_is_loss(client, m))
                return 1;
        hold->call = sd_bus_slot_unref(hold->call);
        if (sd_bus_message_is_method_error(m, NULL)) {
                hold->phase = HOLD_REFUSED;
                hold_tell(client, hold, client_errno(sd_bus_message_get_error(m)));
                return 1;
        }
        if (sd_bus_message_read(m, "h", &fd) < 0 || (fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) {
                hold->phase = HOLD_REFUSED;
                hold_tell(client, hold, -EBADMSG);
                return 1;
        }
        hold_taken(client, hold, fd);
        return 1;
}

bool holds_are_unsent(const lwsd_client *client)
{
        const lwsd_hold *hold;

        TAILQ_FOREACH(hold, &client->holds, link)
        if (hold->phase == HOLD_UNSENT)
                return true;
        return false;
}

void holds_flush(lwsd_client *client)
{
        lwsd_hold *hold;

        TAILQ_FOREACH(hold, &client->holds, link)
        {
                _cleanup_(message_unrefp) sd_bus_message *m = NULL;
                int r;

                if (hold->phase != HOLD_UNSENT || !connection_is_ready(client))
                        continue;
                r = connection_call(client, &m, LWSD_INTERFACE_MANAGER, "Hold");
                if (r >= 0)
                        r = sd_bus_message_append(
                                m, "sss", lwsd_state_to_string(hold->state), hold->who, hold->why);
                if (r >= 0)
                        r = connection_send(client, m, &hold->call, hold_on_reply, hold, 0);
                hold->phase = r < 0 ? HOLD_REFUSED : HOLD_ASKED;
                if (r < 0)
                        hold_tell(client, hold, r);
        }
}

/* -- Losing ----------------------------------------------------------------------------------- */

static void hold_lost(lwsd_client *client, lwsd_hold *hold)
{
        hold_release(client, hold);
        hold->phase = HOLD_UNSENT;
        /* Where "taken" is still to be told, the two undo each other. */
        if (hold->tell && hold->result > 0) {
                hold->tell = false;
                hold->was_taken = hold->result == LWSD_HOLD_TAKEN_AGAIN;
                if (!hold->tell_lost)
                        client_not_due(client, &hold->due);
        } else {
                hold->tell_lost = true;
                client_due(client, &hold->due);
        }
        client_kick(client);
}

void holds_lost(lwsd_client *client)
{
        lwsd_hold *hold;

        TAILQ_FOREACH(hold, &client->holds, link)
        {
                hold->call = sd_bus_slot_unref(hold->call);
                if (hold->phase == HOLD_ASKED || hold->phase == HOLD_REFUSED)
                        hold->phase = HOLD_UNSENT;
        }
}

void holds_check(lwsd_client *client)
{
        struct epoll_event events[16];
        int n = epoll_wait(client->epoll_fd, events, ELEMENTSOF(events), 0);

        for (int i = 0; i < n; i++) {
                lwsd_hold *hold;

                if (!(events[i].events & (EPOLLHUP | EPOLLERR)))
                        continue;
                TAILQ_FOREACH(hold, &client->holds, link)
                if (hold->polled && events[i].data.ptr == hold) {
                        hold_lost(client, hold);
                        break;
                }
        }
}

/* -- Verifying -------------------------------------------------------------------------------- */

static int holds_on_list(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        lwsd_client *client = userdata;
        const char *state, *who, *why;
        uint32_t uid, pid;
        lwsd_hold *hold;
        int r;

        if (sd_bus_message_is_method_error(m, NULL) ||
                sd_bus_message_enter_container(m, 'a', "(sssuu)") < 0)
                return 1;
        TAILQ_FOREACH(hold, &client->holds, link)
        {
                bool found = false;

                if (hold->phase != HOLD_TAKEN)
                        continue;
                if (sd_bus_message_rewind(m, false) < 0)
                        return 1;
                while ((r = sd_bus_message_read(m, "(sssuu)", &state, &who, &why, &uid, &pid)) > 0)
                        found |= strcmp(state, lwsd_state_to_string(hold->state)) == 0 &&
                                 strcmp(who, hold->who) == 0;
                if (r >= 0 && !found)
                        hold_lost(client, hold);
        }
        return 1;
}

void holds_verify(lwsd_client *client)
{
        _cleanup_(message_unrefp) sd_bus_message *m = NULL;
        lwsd_hold *hold;

        TAILQ_FOREACH(hold, &client->holds, link)
        if (hold->phase == HOLD_TAKEN)
                break;
        if (!hold)
                return;
        if (connection_call(client, &m, LWSD_INTERFACE_MANAGER, "ListHolds") >= 0)
                (void) connection_send(client, m, NULL, holds_on_list, client, 0);
}

void holds_deinit(lwsd_client *client)
{
        lwsd_hold *hold;

        while ((hold = TAILQ_FIRST(&client->holds)))
                hold_unlink(client, hold);
}
