/* SPDX-License-Identifier: MIT */
#include "dbus/names.h"
#include "libclient/client-private.h"
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* How many callbacks one turn runs at most, so that others on the loop are served in between. */
#define CALLS_PER_TURN 256

uint64_t client_now(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

int client_check(const lwsd_client *client)
{
        if (!client)
                return -EINVAL;
        if (client->closed)
                return -ESTALE;
        return client->pid == getpid() ? 0 : -ECHILD;
}

int client_errno(const sd_bus_error *error)
{
        static const struct {
                const char *name;
                int number;
        } known[] = {
                { LWSD_ERROR_INVALID_STATE, -ERANGE },
                { LWSD_ERROR_NO_SUCH_ATTACHMENT, -ENOENT },
                { LWSD_ERROR_QUOTA_EXCEEDED, -EDQUOT },
                { LWSD_ERROR_NO_SUCH_LINK, -ENODEV },
                { LWSD_ERROR_NOT_AVAILABLE, -EOPNOTSUPP },
                { LWSD_ERROR_RATE_LIMITED, -EDQUOT },
                { LWSD_ERROR_TIMEOUT, -ETIMEDOUT },
                { LWSD_ERROR_CANCELLED, -ECANCELED },
                { LWSD_ERROR_NO_SUCH_NAME, -ESRCH },
                { LWSD_ERROR_NO_SUCH_RECORD, -ENODATA },
                { LWSD_ERROR_NO_SERVERS, -ENETUNREACH },
                { LWSD_ERROR_SERVERS_FAILED, -EIO },
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (sd_bus_error_has_name(error, known[i].name))
                        return known[i].number;
        return -sd_bus_error_get_errno(error);
}

/* -- The list of calls to the user ------------------------------------------------------------ */

void client_due(lwsd_client *client, Due *due)
{
        if (due->linked)
                return;
        due->linked = true;
        TAILQ_INSERT_TAIL(&client->due, due, link);
}

void client_not_due(lwsd_client *client, Due *due)
{
        if (!due->linked)
                return;
        due->linked = false;
        TAILQ_REMOVE(&client->due, due, link);
}

static void client_run_due(lwsd_client *client)
{
        for (unsigned i = 0; i < CALLS_PER_TURN && !client->closed; i++) {
                Due *due = TAILQ_FIRST(&client->due);

                if (!due)
                        break;
                client_not_due(client, due);
                due->run(client, due);
        }
}

static void client_run_status(lwsd_client *client, Due *due)
{
        bool connected = client->connection.phase == PHASE_ANSWERED;
        char text[sizeof client->refused_text];
        (void) due;

        if (connected != client->told_connected) {
                client->told_connected = connected;
                if (client->refused_text[0])
                        client_due(client, &client->status_due);
                if (client->status_cb)
                        client->status_cb(client,
                                connected ? LWSD_CLIENT_CONNECTED : LWSD_CLIENT_DISCONNECTED, 0, "",
                                client->status_opaque);
                return;
        }
        if (!client->refused_text[0])
                return;
        memcpy(text, client->refused_text, sizeof text);
        client->refused_text[0] = '\0';
        if (client->status_cb)
                client->status_cb(client, LWSD_CLIENT_REFUSED, client->refused_error, text,
                        client->status_opaque);
}

void client_refused(lwsd_client *client, int error, const char *text)
{
        client->refused_error = error;
        snprintf(client->refused_text, sizeof client->refused_text, "%s",
                text && text[0] ? text : strerror(-error));
        client_due(client, &client->status_due);
}

/* -- Waking up -------------------------------------------------------------------------------- */

static void client_arm(lwsd_client *client, uint64_t usec)
{
        /* 0 would disarm it: a moment long past makes it readable at once. */
        uint64_t at = usec ? usec : 1;
        struct itimerspec spec = { 0 };

        if (usec != NEVER) {
                spec.it_value.tv_sec = (time_t) (at / 1000000);
                spec.it_value.tv_nsec = (long) (at % 1000000) * 1000;
        }
        /* Cannot fail: the descriptor is ours and the value in range. */
        (void) timerfd_settime(client->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
        client->armed_usec = usec;
}

void client_kick(lwsd_client *client)
{
        if (client->processing || client->prepared || client->armed_usec == 0)
                return;
        client_arm(client, 0);
}

static bool client_has_unsent(lwsd_client *client, uint64_t now)
{
        return connection_is_ready(client) &&
               (attachments_are_unsent(client, now) || holds_are_unsent(client) ||
                       queries_are_unsent(client));
}

static void client_flush(lwsd_client *client)
{
        if (!connection_is_ready(client))
                return;
        attachments_flush(client, client_now());
        holds_flush(client);
        queries_flush(client);
}

static uint64_t min_usec(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* When the next turn is due, 0 for at once. What lwsd_client_prepare() will send needs no turn. */
static uint64_t client_deadline(lwsd_client *client)
{
        const Attachments *as = &client->attachments;
        uint64_t now = client_now(), deadline;

        if (!TAILQ_EMPTY(&client->due) || (!client->prepared && client_has_unsent(client, now)))
                return 0;
        deadline = min_usec(connection_deadline(client), queries_deadline(client));
        if (connection_is_ready(client) && !TAILQ_EMPTY(&as->unsent) && as->retry_usec > now)
                deadline = min_usec(deadline, as->retry_usec);
        return deadline;
}

/* Leaves the descriptors so that the loop comes back when it should. A timer that is early costs
 * one turn and saves a system call for each call with a timeout, so only an earlier one is set. */
static uint64_t client_settle(lwsd_client *client)
{
        uint64_t deadline;

        connection_poll(client);
        deadline = client_deadline(client);
        if (client->armed_usec == 0 ? deadline != 0 : deadline < client->armed_usec)
                client_arm(client, deadline);
        return deadline;
}

/* -- The turn --------------------------------------------------------------------------------- */

static void client_close(lwsd_client *client)
{
        lwsd_client_detach_cb_t detach = client->detach;

        client->closed = true;
        client->detach = NULL;
        if (detach)
                detach(client, client->detach_opaque);
        sd_event_source_disable_unref(client->event_source);
        client->event_source = NULL;
        client_not_due(client, &client->status_due);
        attachments_deinit(client);
        holds_deinit(client);
        queries_deinit(client);
        connection_deinit(client);
}

static void client_free(lwsd_client *client)
{
        if (client->epoll_fd >= 0)
                close(client->epoll_fd);
        if (client->timer_fd >= 0)
                close(client->timer_fd);
        free(client);
}

_public_ int lwsd_client_process(lwsd_client *client)
{
        int r = client_check(client), more;
        uint64_t now;

        if (r < 0)
                return r;
        if (client->processing)
                return -EBUSY;
        client->processing = true;
        client->busy++;

        now = client_now();
        if (client->armed_usec <= now)
                client->armed_usec = 0; /* it is readable until it is set again */
        if (!client->prepared)
                client_flush(client);
        more = connection_turn(client, now);
        if (!TAILQ_EMPTY(&client->holds))
                holds_check(client);
        queries_expire(client, now);
        client_run_due(client);

        if (!client->closed) {
                if (!client->prepared)
                        client_flush(client);
                if (client_settle(client) == 0)
                        more = 1;
        }
        client->processing = false;
        if (--client->busy == 0 && client->closed) {
                client_free(client);
                return 0;
        }
        return client->closed ? 0 : more;
}

_public_ int lwsd_client_prepare(lwsd_client *client)
{
        int r = client_check(client);

        if (r < 0)
                return r;
        if (client->processing)
                return -EBUSY;
        client_flush(client);
        return client_settle(client) == 0;
}

/* -- Life ------------------------------------------------------------------------------------- */

static int client_open_descriptors(lwsd_client *client)
{
        struct epoll_event event = { .events = EPOLLIN, .data.fd = -1 };

        client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (client->epoll_fd < 0)
                return -errno;
        client->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (client->timer_fd < 0)
                return -errno;
        if (epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, client->timer_fd, &event) < 0)
                return -errno;
        return 0;
}

static int client_new(lwsd_client **ret, const char *path, bool only_socket)
{
        lwsd_client *client = calloc(1, sizeof *client);
        int r;

        if (!client)
                return -ENOMEM;
        client->n_ref = 1;
        client->pid = getpid();
        client->epoll_fd = client->timer_fd = -1;
        client->armed_usec = NEVER;
        client->status_due.run = client_run_status;
        TAILQ_INIT(&client->due);
        TAILQ_INIT(&client->holds);
        TAILQ_INIT(&client->queries);
        attachments_init(&client->attachments);
        r = connection_init(&client->connection, path, only_socket);
        if (r >= 0)
                r = client_open_descriptors(client);
        if (r < 0) {
                client_free(client);
                return r;
        }
        client_arm(client, 0); /* the first attempt is made from the loop */
        *ret = client;
        return 0;
}

_public_ int lwsd_client_new(lwsd_client **ret_client)
{
        const char *path = secure_getenv("LWSD_SOCKET");

        if (!ret_client)
                return -EINVAL;
        return client_new(ret_client, path && path[0] ? path : LWSD_PRIVATE_SOCKET, false);
}

_public_ int lwsd_client_new_socket(lwsd_client **ret_client, const char *path)
{
        if (!ret_client || !path || !path[0])
                return -EINVAL;
        return client_new(ret_client, path, true);
}

_public_ lwsd_client *lwsd_client_ref(lwsd_client *client)
{
        if (client)
                client->n_ref++;
        return client;
}

_public_ lwsd_client *lwsd_client_unref(lwsd_client *client)
{
        if (!client || --client->n_ref > 0)
                return NULL;
        client_close(client);
        if (client->busy == 0)
                client_free(client);
        return NULL;
}

_public_ int lwsd_client_set_status_callback(
        lwsd_client *client, lwsd_client_status_cb_t cb, void *opaque)
{
        int r = client_check(client);

        if (r < 0)
                return r;
        client->status_cb = cb;
        client->status_opaque = opaque;
        return 0;
}

_public_ int lwsd_client_is_connected(lwsd_client *client)
{
        int r = client_check(client);

        return r < 0 ? r : client->connection.phase == PHASE_ANSWERED;
}

_public_ int lwsd_client_get_state(lwsd_client *client, lws_system_states_t *ret_state)
{
        int r = client_check(client);

        if (r < 0)
                return r;
        if (!ret_state)
                return -EINVAL;
        if (!client->connection.state_known)
                return -ENODATA;
        *ret_state = client->connection.state;
        return client->connection.phase == PHASE_ANSWERED;
}

/* -- Loops ------------------------------------------------------------------------------------ */

_public_ int lwsd_client_get_fd(lwsd_client *client)
{
        int r = client_check(client);

        return r < 0 ? r : client->epoll_fd;
}

_public_ int lwsd_client_get_events(lwsd_client *client)
{
        int r = client_check(client);

        return r < 0 ? r : POLLIN;
}

_public_ int lwsd_client_get_timeout(lwsd_client *client, uint64_t *ret_usec)
{
        int r = client_check(client);

        if (r < 0)
                return r;
        if (!ret_usec)
                return -EINVAL;
        *ret_usec = min_usec(client_deadline(client), client->armed_usec);
        return 0;
}

_public_ int lwsd_client_set_prepare(
        lwsd_client *client, lwsd_client_detach_cb_t detach, void *opaque)
{
        int r = client_check(client);
        lwsd_client_detach_cb_t old;

        if (r < 0)
                return r;
        if (client->event_source)
                return -EBUSY;
        old = client->detach;
        client->detach = NULL;
        if (old)
                old(client, client->detach_opaque);
        client->prepared = detach || opaque;
        client->detach = detach;
        client->detach_opaque = opaque;
        if (!client->prepared)
                client_kick(client);
        return 0;
}

static int client_event_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        /* An error here would only take the client off its loop. */
        (void) lwsd_client_process(userdata);
        return 0;
}

static int client_event_prepare(sd_event_source *source, void *userdata)
{
        /* What must be done at once has armed the timer in the epoll set. */
        (void) lwsd_client_prepare(userdata);
        return 0;
}

_public_ int lwsd_client_attach_event(lwsd_client *client, struct sd_event *event, int priority)
{
        _cleanup_(sd_event_unrefp) sd_event *loop = NULL;
        sd_event_source *source = NULL;
        int r = client_check(client);

        if (r < 0)
                return r;
        if (client->event_source || client->prepared)
                return -EBUSY;
        if (event)
                loop = sd_event_ref(event);
        else if ((r = sd_event_default(&loop)) < 0)
                return r;
        r = sd_event_add_io(loop, &source, client->epoll_fd, POLLIN, client_event_io, client);
        if (r >= 0)
                r = sd_event_source_set_priority(source, priority);
        if (r >= 0)
                r = sd_event_source_set_prepare(source, client_event_prepare);
        if (r < 0) {
                sd_event_source_disable_unref(source);
                return r;
        }
        (void) sd_event_source_set_description(source, "lwsd-client");
        client->event_source = source;
        client->prepared = true;
        return 0;
}

_public_ int lwsd_client_detach_event(lwsd_client *client)
{
        int r = client_check(client);

        if (r < 0 || !client->event_source)
                return r;
        client->event_source = sd_event_source_disable_unref(client->event_source);
        client->prepared = false;
        client_kick(client);
        return 0;
}
