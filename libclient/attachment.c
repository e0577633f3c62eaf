/* SPDX-License-Identifier: MIT */
#include "dbus/names.h"
#include "libclient/backoff.h"
#include "libclient/client-private.h"
#include <string.h>

/*
 * An attachment is asked for in a batch, gets an id by the reply, and is told by signals that carry
 * ids. What is unref'd in between stays behind as an id to detach. After a loss of the connection
 * all that still wait for something are asked for again, in the order in which they were made.
 */

#define GONE_MAX 4096u /* ids in one Detach */

/* -- Life ------------------------------------------------------------------------------------- */

static void attachment_free_unused(lwsd_attachment *a)
{
        if (!a->owned && !a->linked && a->busy == 0)
                free(a);
}

static void attachment_set_unsent(lwsd_client *client, lwsd_attachment *a)
{
        a->phase = ATTACH_UNSENT;
        TAILQ_INSERT_TAIL(&client->attachments.unsent, a, unsent);
}

/* Nothing more comes for it from lwsd. */
static void attachment_forget(lwsd_client *client, lwsd_attachment *a)
{
        switch (a->phase) {
        case ATTACH_UNSENT:
                TAILQ_REMOVE(&client->attachments.unsent, a, unsent);
                break;
        case ATTACH_LIVE:
                idmap_take(&client->attachments.live, a->id);
                break;
        case ATTACH_NONE:
        case ATTACH_ASKED: /* the batch sees that it is gone */
                break;
        }
        a->phase = ATTACH_NONE;
}

/* Takes it off the client for good. */
static void attachment_unlink(lwsd_client *client, lwsd_attachment *a)
{
        attachment_forget(client, a);
        client_not_due(client, &a->due);
        TAILQ_REMOVE(&client->attachments.all, a, all);
        a->linked = false;
        a->client = NULL;
}

/* The user's callback for the next edge; one at a time, so that others get their turn. */
static void attachment_run(lwsd_client *client, Due *due)
{
        lwsd_attachment *a = (lwsd_attachment *) due;
        LevelEdge edge = level_take(&a->level);
        lwsd_attachment_cb_t cb = edge == LEVEL_ENTERED ? a->entered : a->left;

        a->busy++;
        if (level_is_due(&a->level))
                client_due(client, &a->due);
        if (level_is_finished(&a->level))
                attachment_unlink(client, a);
        if (edge != LEVEL_NONE && cb) {
                /* A one-shot that was just taken off its client still says whose it is. */
                a->client = client;
                cb(a, a->opaque);
                if (!a->linked)
                        a->client = NULL;
        }
        a->busy--;
        attachment_free_unused(a);
}

static int attachment_new(lwsd_client *client, lwsd_attachment **ret, lws_system_states_t state,
        lwsd_attachment_cb_t entered, lwsd_attachment_cb_t left, void *opaque, bool persistent)
{
        Attachments *as = &client->attachments;
        lwsd_attachment *a;

        if (!state_is_attachable(state))
                return -ERANGE;
        a = calloc(1, sizeof *a);
        if (!a)
                return -ENOMEM;
        a->client = client;
        a->state = state;
        a->entered = entered;
        a->left = left;
        a->opaque = opaque;
        a->due.run = attachment_run;
        a->owned = ret != NULL;
        a->seq = as->seq++;
        level_init(&a->level, persistent);
        TAILQ_INSERT_TAIL(&as->all, a, all);
        a->linked = true;
        attachment_set_unsent(client, a);
        client_kick(client);
        if (ret)
                *ret = a;
        return 0;
}

_public_ int lwsd_client_attach(lwsd_client *client, lwsd_attachment **ret_attachment,
        lws_system_states_t state, lwsd_attachment_cb_t cb, void *opaque)
{
        int r = client_check(client);

        if (r < 0)
                return r;
        if (!cb)
                return -EINVAL;
        return attachment_new(client, ret_attachment, state, cb, NULL, opaque, false);
}

_public_ int lwsd_client_watch(lwsd_client *client, lwsd_attachment **ret_attachment,
        lws_system_states_t state, lwsd_attachment_cb_t entered, lwsd_attachment_cb_t left,
        void *opaque)
{
        int r = client_check(client);

        if (r < 0)
                return r;
        if (!entered && !left)
                return -EINVAL;
        return attachment_new(client, ret_attachment, state, entered, left, opaque, true);
}

static void attachments_push_gone(lwsd_client *client, uint64_t id)
{
        Attachments *as = &client->attachments;

        if (as->n_gone == as->gone_size) {
                size_t size = as->gone_size ? as->gone_size * 2 : 16;
                uint64_t *bigger = reallocarray(as->gone, size, sizeof *bigger);

                if (!bigger) /* lwsd keeps it until we disconnect; we know nothing of it */
                        return;
                as->gone = bigger;
                as->gone_size = size;
        }
        as->gone[as->n_gone++] = id;
        client_kick(client);
}

_public_ lwsd_attachment *lwsd_attachment_unref(lwsd_attachment *attachment)
{
        lwsd_client *client = attachment ? attachment->client : NULL;

        if (!attachment)
                return NULL;
        if (client && attachment->linked) {
                if (attachment->phase == ATTACH_LIVE)
                        attachments_push_gone(client, attachment->id);
                attachment_unlink(client, attachment);
        }
        attachment->owned = false;
        attachment_free_unused(attachment);
        return NULL;
}

_public_ lwsd_client *lwsd_attachment_get_client(const lwsd_attachment *attachment)
{
        return attachment ? attachment->client : NULL;
}

_public_ lws_system_states_t lwsd_attachment_get_state(const lwsd_attachment *attachment)
{
        return attachment ? attachment->state : LWS_SYSTATE_UNKNOWN;
}

_public_ int lwsd_attachment_get_entered(const lwsd_attachment *attachment, uint64_t *ret_usec)
{
        if (!attachment || !ret_usec)
                return -EINVAL;
        if (!attachment->level.stamp.monotonic_usec)
                return -ENODATA;
        *ret_usec = attachment->level.stamp.monotonic_usec;
        return 0;
}

/* -- Asking ----------------------------------------------------------------------------------- */

void attachments_init(Attachments *as)
{
        TAILQ_INIT(&as->all);
        TAILQ_INIT(&as->unsent);
        LIST_INIT(&as->batches);
        as->batch_limit = ATTACH_BATCH_MAX;
}

static Batch *batch_new(lwsd_client *client, bool detach, size_t n)
{
        Batch *batch = malloc(sizeof *batch + n * sizeof(uint64_t));

        if (!batch)
                return NULL;
        *batch = (Batch){ .client = client, .detach = detach };
        batch->ids = (uint64_t *) (batch + 1);
        batch->items = (lwsd_attachment **) (batch + 1);
        LIST_INSERT_HEAD(&client->attachments.batches, batch, link);
        client->attachments.n_batches++;
        return batch;
}

static void batch_free(Batch *batch)
{
        LIST_REMOVE(batch, link);
        batch->client->attachments.n_batches--;
        sd_bus_slot_unref(batch->call);
        for (size_t i = 0; i < batch->n && !batch->detach; i++) {
                batch->items[i]->busy--;
                attachment_free_unused(batch->items[i]);
        }
        free(batch);
}

/* Puts what was not taken back where it was, in the order of attaching. */
static void batch_requeue(Batch *batch)
{
        struct AttachmentList *unsent = &batch->client->attachments.unsent;

        for (size_t i = 0; i < batch->n; i++) {
                lwsd_attachment *a = batch->items[i], *at = TAILQ_FIRST(unsent);

                if (a->phase != ATTACH_ASKED)
                        continue;
                while (at && at->seq < a->seq)
                        at = TAILQ_NEXT(at, unsent);
                a->phase = ATTACH_UNSENT;
                if (at)
                        TAILQ_INSERT_BEFORE(at, a, unsent);
                else
                        TAILQ_INSERT_TAIL(unsent, a, unsent);
        }
}

/* A refusal is of all or none. A batch is halved until what fits gets in; one alone that is refused
 * was named wrongly, or waits until others have left. */
static void batch_refused(Batch *batch, const sd_bus_error *error)
{
        Attachments *as = &batch->client->attachments;
        lwsd_attachment *a = batch->n > 0 ? batch->items[0] : NULL;
        int number = client_errno(error);

        if (batch->n > 1) {
                as->batch_limit = batch->n / 2;
                batch_requeue(batch);
                return;
        }
        if (!a || a->phase != ATTACH_ASKED)
                return;
        if (number == -ERANGE || number == -EINVAL) {
                a->phase = ATTACH_NONE;
        } else {
                batch_requeue(batch);
                as->retry_usec = client_now() + backoff_delay(4 + as->refused, a->seq);
                if (as->refused++ > 0)
                        return; /* said already */
        }
        client_refused(batch->client, number, error->message);
}

static void batch_accepted(Batch *batch, const uint64_t *ids, lws_system_states_t current)
{
        Attachments *as = &batch->client->attachments;

        for (size_t i = 0; i < batch->n; i++) {
                lwsd_attachment *a = batch->items[i];

                if (a->phase != ATTACH_ASKED) { /* unref'd meanwhile */
                        attachments_push_gone(batch->client, ids[i]);
                        continue;
                }
                a->phase = ATTACH_LIVE;
                a->id = ids[i];
                idmap_put(&as->live, a->id, a); /* room was made before */
                level_replied(&a->level, lwsd_state_reached(current, a->state));
                if (a->level.confirming)
                        as->n_confirming++;
                if (level_is_due(&a->level))
                        client_due(batch->client, &a->due);
        }
        as->refused = 0;
        as->batch_limit =
                as->batch_limit * 2 < ATTACH_BATCH_MAX ? as->batch_limit * 2 : ATTACH_BATCH_MAX;
}

static int batch_on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Batch *batch = userdata;
        lwsd_client *client = batch->client;
        const char *current;
        const void *ids;
        size_t size;
        int state;

        if (connection_reply_is_loss(client, m))
                return 1; /* attachments_lost() frees the batch */
        if (sd_bus_message_is_method_error(m, NULL)) {
                batch_refused(batch, sd_bus_message_get_error(m));
                batch_free(batch);
                return 1;
        }
        if (sd_bus_message_read_array(m, 't', &ids, &size) < 0 ||
                sd_bus_message_read(m, "s", &current) < 0 || size != batch->n * sizeof(uint64_t) ||
                (state = lwsd_state_from_string(current)) < 0 ||
                idmap_reserve(&client->attachments.live, batch->n) < 0) {
                client->connection.lost = true;
                return 1;
        }
        batch_accepted(batch, ids, (lws_system_states_t) state);
        connection_note_state(client, current);
        batch_free(batch);
        return 1;
}

static int batch_append(sd_bus_message *m, const lwsd_attachment *a)
{
        const char *state = lwsd_state_to_string(a->state);

        return a->level.persistent
                       ? sd_bus_message_append(m, "(sa{sv})", state, 1, "persistent", "b", 1)
                       : sd_bus_message_append(m, "(sa{sv})", state, 0);
}

/* Fills a message with the first `max` that are unsent; they stay on the list until it is sent. */
static int batch_fill(Batch *batch, sd_bus_message *m, size_t max)
{
        lwsd_attachment *a = TAILQ_FIRST(&batch->client->attachments.unsent);
        int r = sd_bus_message_open_container(m, 'a', "(sa{sv})");

        for (; r >= 0 && a && batch->n < max; a = TAILQ_NEXT(a, unsent)) {
                r = batch_append(m, a);
                batch->items[batch->n++] = a;
                a->busy++;
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static size_t attachments_count_unsent(const Attachments *as, size_t max)
{
        const lwsd_attachment *a = TAILQ_FIRST(&as->unsent);
        size_t n = 0;

        for (; a && n < max; n++)
                a = TAILQ_NEXT(a, unsent);
        return n;
}

static int attachments_send_batch(lwsd_client *client)
{
        _cleanup_(message_unrefp) sd_bus_message *m = NULL;
        Attachments *as = &client->attachments;
        size_t max = attachments_count_unsent(as, as->batch_limit);
        Batch *batch = batch_new(client, false, max);
        int r = batch ? connection_call(client, &m, LWSD_INTERFACE_MANAGER, "AttachMany") : -ENOMEM;

        if (r >= 0)
                r = batch_fill(batch, m, max);
        if (r >= 0)
                r = connection_send(client, m, &batch->call, batch_on_reply, batch, 0);
        if (r < 0) {
                if (batch)
                        batch_free(batch);
                return r;
        }
        for (size_t i = 0; i < batch->n; i++) {
                TAILQ_REMOVE(&as->unsent, batch->items[i], unsent);
                batch->items[i]->phase = ATTACH_ASKED;
        }
        return 0;
}

/* -- Detaching -------------------------------------------------------------------------------- */

static int attachments_send_detach(lwsd_client *client, const uint64_t *ids, size_t n);

/* All or none here too, and a one-shot may have been released while the call was on its way: halve
 * until the one that is gone stands alone. */
static int detach_on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Batch *batch = userdata;
        lwsd_client *client = batch->client;

        if (connection_reply_is_loss(client, m))
                return 1;
        if (sd_bus_message_is_method_error(m, LWSD_ERROR_NO_SUCH_ATTACHMENT) && batch->n > 1) {
                size_t half = batch->n / 2;

                if (attachments_send_detach(client, batch->ids, half) < 0 ||
                        attachments_send_detach(client, batch->ids + half, batch->n - half) < 0)
                        client->connection.lost = true; /* which detaches too */
        }
        batch_free(batch);
        return 1;
}

static int attachments_send_detach(lwsd_client *client, const uint64_t *ids, size_t n)
{
        _cleanup_(message_unrefp) sd_bus_message *m = NULL;
        Batch *batch = batch_new(client, true, n);
        int r = batch ? connection_call(client, &m, LWSD_INTERFACE_MANAGER, "Detach") : -ENOMEM;

        if (r >= 0)
                r = sd_bus_message_append_array(m, 't', ids, n * sizeof *ids);
        if (r >= 0)
                r = connection_send(client, m, &batch->call, detach_on_reply, batch, 0);
        if (r < 0) {
                if (batch)
                        batch_free(batch);
                return r;
        }
        memcpy(batch->ids, ids, n * sizeof *ids);
        batch->n = n;
        return 0;
}

/* -- The turn --------------------------------------------------------------------------------- */

bool attachments_are_unsent(const lwsd_client *client, uint64_t now)
{
        const Attachments *as = &client->attachments;

        if (as->n_batches >= ATTACH_BATCHES_MAX)
                return false; /* a reply will bring us back */
        return as->n_gone > 0 || (!TAILQ_EMPTY(&as->unsent) && as->retry_usec <= now);
}

void attachments_flush(lwsd_client *client, uint64_t now)
{
        Attachments *as = &client->attachments;

        while (attachments_are_unsent(client, now) && connection_is_ready(client)) {
                size_t n = as->n_gone < GONE_MAX ? as->n_gone : GONE_MAX;
                int r;

                if (n > 0) {
                        r = attachments_send_detach(client, as->gone + as->n_gone - n, n);
                        if (r >= 0)
                                as->n_gone -= n;
                } else {
                        r = attachments_send_batch(client);
                }
                if (r < 0) {
                        if (r == -ENOMEM)
                                as->retry_usec = now + BACKOFF_MAX_USEC;
                        break;
                }
        }
}

void attachments_lost(lwsd_client *client)
{
        Attachments *as = &client->attachments;
        lwsd_attachment *a;

        while (!LIST_EMPTY(&as->batches))
                batch_free(LIST_FIRST(&as->batches));
        idmap_deinit(&as->live);
        TAILQ_INIT(&as->unsent);
        as->n_gone = 0; /* they went with the connection */
        as->n_confirming = 0;
        as->retry_usec = 0;
        as->refused = 0;
        as->batch_limit = ATTACH_BATCH_MAX;
        TAILQ_FOREACH(a, &as->all, all)
        {
                bool failed = a->phase == ATTACH_NONE;

                a->phase = ATTACH_NONE;
                level_lost(&a->level);
                if (!failed && level_wants_attach(&a->level))
                        attachment_set_unsent(client, a);
        }
}

void attachments_deinit(lwsd_client *client)
{
        Attachments *as = &client->attachments;

        while (!LIST_EMPTY(&as->batches))
                batch_free(LIST_FIRST(&as->batches));
        while (!TAILQ_EMPTY(&as->all)) {
                lwsd_attachment *a = TAILQ_FIRST(&as->all);

                attachment_unlink(client, a);
                attachment_free_unused(a);
        }
        idmap_deinit(&as->live);
        free(as->gone);
        as->gone = NULL;
        as->n_gone = as->gone_size = 0;
}

/* -- What lwsd says --------------------------------------------------------------------------- */

static int read_details(sd_bus_message *m, LevelStamp *stamp)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        const char *name;

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r < 0)
                        break;
                if (strcmp(name, "monotonic-usec") == 0)
                        r = sd_bus_message_read(m, "v", "t", &stamp->monotonic_usec);
                else if (strcmp(name, "state-serial") == 0)
                        r = sd_bus_message_read(m, "v", "t", &stamp->serial);
                else
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

void attachments_signal(lwsd_client *client, sd_bus_message *m)
{
        bool attached = sd_bus_message_is_signal(m, NULL, "Attached");
        LevelStamp stamp = { .instance = client->connection.instance };
        Attachments *as = &client->attachments;
        const uint64_t *ids;
        const char *state;
        size_t size;

        if (!attached && !sd_bus_message_is_signal(m, NULL, "Left"))
                return; /* we never set a time limit, so nothing of ours expires */
        if (sd_bus_message_read_array(m, 't', (const void **) &ids, &size) < 0 ||
                sd_bus_message_read(m, "s", &state) < 0 || read_details(m, &stamp) < 0)
                return;
        for (size_t i = 0; i < size / sizeof *ids; i++) {
                lwsd_attachment *a = idmap_get(&as->live, ids[i]);

                if (!a)
                        continue;
                if (a->level.confirming && as->n_confirming > 0)
                        as->n_confirming--;
                if (attached)
                        level_entered(&a->level, &stamp);
                else
                        level_left(&a->level);
                if (!a->level.persistent && attached)
                        attachment_forget(client, a);
                if (level_is_due(&a->level))
                        client_due(client, &a->due);
        }
}

void attachments_note_state(lwsd_client *client, lws_system_states_t state)
{
        Attachments *as = &client->attachments;
        lwsd_attachment *a;

        if (as->n_confirming == 0)
                return;
        TAILQ_FOREACH(a, &as->all, all)
        {
                if (a->phase != ATTACH_LIVE || lwsd_state_reached(state, a->state))
                        continue;
                level_seen_down(&a->level);
                if (level_is_due(&a->level))
                        client_due(client, &a->due);
        }
}

/* -- What lwsd said and nobody brought --------------------------------------------------------- */

static bool attachment_fits(const lwsd_client *client, const lwsd_attachment *a)
{
        return a->phase != ATTACH_LIVE ||
               level_fits(&a->level, lwsd_state_reached(client->connection.state, a->state));
}

void attachments_repair(lwsd_client *client)
{
        lwsd_attachment *a;

        TAILQ_FOREACH(a, &client->attachments.all, all)
        {
                if (attachment_fits(client, a))
                        continue;
                if (a->level.persistent) /* the other kind ended with its signal */
                        attachments_push_gone(client, a->id);
                attachment_forget(client, a);
                attachment_set_unsent(client, a);
        }
}
