/* SPDX-License-Identifier: MIT */
#include "daemon/broker.h"
#include "state/table.h"
#include "util/heap.h"
#include "util/list.h"
#include <assert.h>
#include <string.h>

#define N_RANKS (STATE_RANK_TOP + 1)

/* One attachment. Whether it is persistent is said by the array it is in. */
typedef struct Entry Entry;
struct Entry {
        uint64_t id;
        uint64_t deadline : 62; /* 0: none */
        uint64_t inside : 1;    /* persistent: Attached was sent and Left was not */
        uint64_t dead : 1;      /* detached or expired, not yet squeezed out */
};
_Static_assert(sizeof(Entry) == 16, "an attachment takes more than it should");

typedef struct EntryArray EntryArray;
struct EntryArray {
        Entry *items; /* by id */
        uint32_t n, capacity, dead;
};

/* What one owner has on one state. */
typedef struct Queue Queue;
struct Queue {
        List state_link; /* Broker.states[rank] */
        List fresh_link; /* Broker.fresh: has something that attached after the state was entered */
        BrokerOwner *owner;
        int rank;
        EntryArray once, persistent;
};

struct BrokerOwner {
        Broker *broker;
        List link; /* Broker.owners */
        Queue *queues[N_RANKS];
        HeapNode deadline_node;
        usec_t next_deadline; /* no later than the earliest of its entries */
        void *userdata;
        uid_t uid;
        pid_t pid;
        char name[];
};

struct Broker {
        List owners, fresh;
        List states[N_RANKS];
        Heap deadlines;
        bool reached[N_RANKS];
        usec_t entered_usec[N_RANKS];
        uint64_t entered_serial[N_RANKS];
        Quota *quota;
        BrokerOps ops;
        void *userdata;
        uint64_t next_id;
        size_t pending;
        size_t batch_max;
        uint64_t batch[];
};

static bool deadline_before(const HeapNode *a, const HeapNode *b)
{
        return container_of(a, BrokerOwner, deadline_node)->next_deadline <
               container_of(b, BrokerOwner, deadline_node)->next_deadline;
}

int broker_new(Broker **ret, Quota *quota, size_t batch_max, const BrokerOps *ops, void *userdata)
{
        Broker *b = calloc(1, sizeof(*b) + batch_max * sizeof(b->batch[0]));

        if (!b)
                return -ENOMEM;
        list_init(&b->owners);
        list_init(&b->fresh);
        for (size_t i = 0; i < N_RANKS; i++)
                list_init(&b->states[i]);
        b->deadlines.before = deadline_before;
        b->quota = quota;
        b->ops = *ops;
        b->userdata = userdata;
        b->next_id = 1;
        b->batch_max = batch_max;
        *ret = b;
        return 0;
}

Broker *broker_free(Broker *broker)
{
        if (!broker)
                return NULL;
        list_foreach_safe (it, &broker->owners)
                broker_owner_free(list_entry(it, BrokerOwner, link));
        free(broker);
        return NULL;
}

bool broker_reached(const Broker *broker, int state)
{
        int rank = state_rank(state);

        return rank >= 0 && broker->reached[rank];
}

size_t broker_pending(const Broker *broker)
{
        return broker->pending;
}

/* -- Arrays of entries ------------------------------------------------------------------------- */

static int array_add(EntryArray *a, Entry entry)
{
        if (a->n == a->capacity) {
                uint32_t capacity = a->capacity ? a->capacity + a->capacity / 2 : 2;
                Entry *items = reallocarray(a->items, capacity, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                a->items = items;
                a->capacity = capacity;
        }
        a->items[a->n++] = entry;
        return 0;
}

static void array_clear(EntryArray *a)
{
        free(a->items);
        *a = (EntryArray){ 0 };
}

static Entry *array_find(const EntryArray *a, uint64_t id)
{
        uint32_t low = 0, high = a->n;

        while (low < high) {
                uint32_t mid = low + (high - low) / 2;

                if (a->items[mid].id < id)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low < a->n && a->items[low].id == id && !a->items[low].dead ? &a->items[low] : NULL;
}

/* Squeezes the dead out once they are the half. */
static void array_tidy(EntryArray *a)
{
        uint32_t n = 0;

        if (a->dead == a->n) {
                array_clear(a);
                return;
        }
        if (a->dead < 16 || a->dead < a->n / 2)
                return;
        for (uint32_t i = 0; i < a->n; i++)
                if (!a->items[i].dead)
                        a->items[n++] = a->items[i];
        a->n = n;
        a->dead = 0;
}

/* -- Queues ------------------------------------------------------------------------------------ */

static Queue *queue_get(BrokerOwner *owner, int rank)
{
        Queue *q = owner->queues[rank];

        if (q)
                return q;
        q = calloc(1, sizeof(*q));
        if (!q)
                return NULL;
        q->owner = owner;
        q->rank = rank;
        list_link_tail(&owner->broker->states[rank], &q->state_link);
        list_init(&q->fresh_link);
        owner->queues[rank] = q;
        return q;
}

static void queue_free(Queue *q)
{
        q->owner->queues[q->rank] = NULL;
        list_unlink(&q->state_link);
        list_unlink(&q->fresh_link);
        array_clear(&q->once);
        array_clear(&q->persistent);
        free(q);
}

static void queue_tidy(Queue *q)
{
        array_tidy(&q->once);
        array_tidy(&q->persistent);
        if (q->once.n == 0 && q->persistent.n == 0)
                queue_free(q);
}

static void kill_entry(Queue *q, EntryArray *a, Entry *e)
{
        Broker *b = q->owner->broker;

        if (!e->inside)
                b->pending--;
        e->dead = true;
        a->dead++;
        quota_give(b->quota, q->owner->uid, QUOTA_ATTACHMENTS, 1);
}

/* Collects ids and sends them in batches. */
typedef struct Batch Batch;
struct Batch {
        Broker *broker;
        BrokerSignal signal;
};

static void batch_flush(Batch *batch)
{
        if (batch->signal.n == 0)
                return;
        batch->broker->ops.emit(batch->broker->userdata, &batch->signal);
        batch->signal.n = 0;
}

static void batch_add(Batch *batch, uint64_t id)
{
        batch->broker->batch[batch->signal.n++] = id;
        if (batch->signal.n == batch->broker->batch_max)
                batch_flush(batch);
}

static Batch batch_init(Queue *q, BrokerSignalKind kind)
{
        Broker *b = q->owner->broker;

        return (Batch){ .broker = b,
                .signal = { .kind = kind,
                        .owner = q->owner,
                        .state = state_at_rank(q->rank),
                        .ids = b->batch } };
}

/* The state of this queue holds: releases everything that waits in it, merged by id. */
static void queue_release(Queue *q)
{
        Broker *b = q->owner->broker;
        Batch batch = batch_init(q, BROKER_SIGNAL_ATTACHED);
        EntryArray *once = &q->once, *kept = &q->persistent;
        uint32_t i = 0, k = 0;

        batch.signal.monotonic_usec = b->entered_usec[q->rank];
        batch.signal.serial = b->entered_serial[q->rank];
        while (i < once->n || k < kept->n) {
                if (k >= kept->n || (i < once->n && once->items[i].id < kept->items[k].id)) {
                        Entry *e = &once->items[i++];

                        if (!e->dead) {
                                kill_entry(q, once, e);
                                batch_add(&batch, e->id);
                        }
                } else {
                        Entry *e = &kept->items[k++];

                        if (!e->dead && !e->inside) {
                                e->inside = true;
                                e->deadline = 0;
                                b->pending--;
                                batch_add(&batch, e->id);
                        }
                }
        }
        batch_flush(&batch);
        list_unlink(&q->fresh_link);
        queue_tidy(q);
}

static void queue_leave(Queue *q, uint64_t serial, usec_t monotonic_usec)
{
        Batch batch = batch_init(q, BROKER_SIGNAL_LEFT);

        batch.signal.monotonic_usec = monotonic_usec;
        batch.signal.serial = serial;
        for (uint32_t i = 0; i < q->persistent.n; i++) {
                Entry *e = &q->persistent.items[i];

                if (e->dead || !e->inside)
                        continue;
                e->inside = false;
                q->owner->broker->pending++;
                batch_add(&batch, e->id);
        }
        batch_flush(&batch);
}

/* -- Changes of state -------------------------------------------------------------------------- */

void broker_change(Broker *broker, int state, uint64_t serial, usec_t monotonic_usec)
{
        int reach = state_reach(state);

        for (int rank = N_RANKS - 1; rank >= 0; rank--) {
                if (!broker->reached[rank] || rank <= reach)
                        continue;
                broker->reached[rank] = false;
                list_foreach (it, &broker->states[rank])
                        queue_leave(list_entry(it, Queue, state_link), serial, monotonic_usec);
        }
        for (int rank = 0; rank < N_RANKS; rank++) {
                if (broker->reached[rank] || rank > reach)
                        continue;
                broker->reached[rank] = true;
                broker->entered_usec[rank] = monotonic_usec;
                broker->entered_serial[rank] = serial;
                list_foreach_safe (it, &broker->states[rank])
                        queue_release(list_entry(it, Queue, state_link));
        }
}

/* -- Time -------------------------------------------------------------------------------------- */

static void owner_set_deadline(BrokerOwner *owner, usec_t deadline)
{
        if (heap_is_linked(&owner->deadline_node))
                heap_unlink(&owner->broker->deadlines, &owner->deadline_node);
        owner->next_deadline = deadline;
        if (deadline != USEC_INFINITY)
                heap_link(&owner->broker->deadlines, &owner->deadline_node);
}

static void array_expire(Queue *q, EntryArray *a, usec_t now, Batch *batch, usec_t *next)
{
        for (uint32_t i = 0; i < a->n; i++) {
                Entry *e = &a->items[i];

                if (e->dead || e->deadline == 0)
                        continue;
                if (e->deadline > now) {
                        *next = MIN(*next, (usec_t) e->deadline);
                        continue;
                }
                kill_entry(q, a, e);
                batch_add(batch, e->id);
        }
}

static void owner_expire(BrokerOwner *owner, usec_t now)
{
        usec_t next = USEC_INFINITY;

        for (int rank = 0; rank < N_RANKS; rank++) {
                Queue *q = owner->queues[rank];
                Batch batch;

                if (!q)
                        continue;
                batch = batch_init(q, BROKER_SIGNAL_EXPIRED);
                array_expire(q, &q->once, now, &batch, &next);
                array_expire(q, &q->persistent, now, &batch, &next);
                batch_flush(&batch);
                queue_tidy(q);
        }
        owner_set_deadline(owner, next);
}

static BrokerOwner *first_deadline(Broker *broker)
{
        HeapNode *n = heap_first(&broker->deadlines);

        return n ? container_of(n, BrokerOwner, deadline_node) : NULL;
}

void broker_process(Broker *broker, usec_t now)
{
        BrokerOwner *owner;

        list_foreach_safe (it, &broker->fresh) {
                Queue *q = list_entry(it, Queue, fresh_link);

                if (broker->reached[q->rank])
                        queue_release(q);
                else /* it was left in between: waits like any other */
                        list_unlink(&q->fresh_link);
        }
        while ((owner = first_deadline(broker)) && owner->next_deadline <= now)
                owner_expire(owner, now);
        if (owner)
                broker->ops.wake(broker->userdata, owner->next_deadline);
}

/* -- Owners ------------------------------------------------------------------------------------ */

int broker_owner_new(
        BrokerOwner **ret, Broker *broker, uid_t uid, pid_t pid, const char *name, void *userdata)
{
        size_t size = strlen(name) + 1;
        BrokerOwner *owner = calloc(1, sizeof(*owner) + size);

        if (!owner)
                return -ENOMEM;
        owner->broker = broker;
        owner->next_deadline = USEC_INFINITY;
        owner->uid = uid;
        owner->pid = pid;
        owner->userdata = userdata;
        memcpy(owner->name, name, size);
        list_link_tail(&broker->owners, &owner->link);
        *ret = owner;
        return 0;
}

static void array_drop(Queue *q, EntryArray *a)
{
        for (uint32_t i = 0; i < a->n; i++)
                if (!a->items[i].dead)
                        kill_entry(q, a, &a->items[i]);
}

BrokerOwner *broker_owner_free(BrokerOwner *owner)
{
        if (!owner)
                return NULL;
        for (int rank = 0; rank < N_RANKS; rank++)
                if (owner->queues[rank]) {
                        array_drop(owner->queues[rank], &owner->queues[rank]->once);
                        array_drop(owner->queues[rank], &owner->queues[rank]->persistent);
                        queue_free(owner->queues[rank]);
                }
        owner_set_deadline(owner, USEC_INFINITY);
        list_unlink(&owner->link);
        free(owner);
        return NULL;
}

void *broker_owner_userdata(const BrokerOwner *owner)
{
        return owner->userdata;
}

uid_t broker_owner_uid(const BrokerOwner *owner)
{
        return owner->uid;
}

pid_t broker_owner_pid(const BrokerOwner *owner)
{
        return owner->pid;
}

const char *broker_owner_name(const BrokerOwner *owner)
{
        return owner->name;
}

/* -- Attach and detach ------------------------------------------------------------------------- */

static int attach_one(BrokerOwner *owner, const BrokerRequest *request, usec_t now, uint64_t id)
{
        Broker *b = owner->broker;
        Entry e = { .id = id };
        Queue *q;
        int r;

        assert(state_is_attachable(request->state));
        q = queue_get(owner, state_rank(request->state));
        if (!q)
                return -ENOMEM;
        if (request->timeout_usec > 0)
                e.deadline = MIN(usec_add(now, request->timeout_usec), ((usec_t) 1 << 62) - 1);
        r = array_add(request->persistent ? &q->persistent : &q->once, e);
        if (r < 0) {
                queue_tidy(q);
                return r;
        }
        b->pending++;
        if (b->reached[q->rank]) {
                if (!list_is_linked(&q->fresh_link))
                        list_link_tail(&b->fresh, &q->fresh_link);
                b->ops.wake(b->userdata, 0);
        }
        if (e.deadline && e.deadline < owner->next_deadline) {
                owner_set_deadline(owner, e.deadline);
                b->ops.wake(b->userdata, e.deadline);
        }
        return 0;
}

static Entry *find_entry(BrokerOwner *owner, uint64_t id, Queue **ret_queue, EntryArray **ret_array)
{
        for (int rank = 0; rank < N_RANKS; rank++) {
                Queue *q = owner->queues[rank];
                Entry *e;

                if (!q)
                        continue;
                *ret_queue = q;
                *ret_array = &q->once;
                e = array_find(&q->once, id);
                if (e)
                        return e;
                *ret_array = &q->persistent;
                e = array_find(&q->persistent, id);
                if (e)
                        return e;
        }
        return NULL;
}

static bool end_one(BrokerOwner *owner, uint64_t id, bool really)
{
        EntryArray *a;
        Entry *e;
        Queue *q;

        e = find_entry(owner, id, &q, &a);
        if (e && really) {
                kill_entry(q, a, e);
                queue_tidy(q);
        }
        return e != NULL;
}

int broker_attach(
        BrokerOwner *owner, const BrokerRequest *requests, size_t n, usec_t now, uint64_t *ret_ids)
{
        Broker *b = owner->broker;
        int r;

        r = quota_take(b->quota, owner->uid, QUOTA_ATTACHMENTS, n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = attach_one(owner, &requests[i], now, b->next_id + i);
                if (r < 0) {
                        for (size_t k = 0; k < i; k++)
                                (void) end_one(owner, b->next_id + k, true);
                        quota_give(b->quota, owner->uid, QUOTA_ATTACHMENTS, n - i);
                        b->next_id += n; /* what was said about these ids is of the past */
                        return r;
                }
        }
        for (size_t i = 0; i < n; i++)
                ret_ids[i] = b->next_id++;
        return 0;
}

static bool end_anywhere(BrokerOwner *owner, uint64_t id, bool all, bool really)
{
        if (end_one(owner, id, really))
                return true;
        if (all)
                list_foreach (it, &owner->broker->owners)
                        if (end_one(list_entry(it, BrokerOwner, link), id, really))
                                return true;
        return false;
}

int broker_detach(BrokerOwner *owner, const uint64_t *ids, size_t n, bool all)
{
        for (size_t i = 0; i < n; i++)
                if (!end_anywhere(owner, ids[i], all, false))
                        return -ENOENT;
        for (size_t i = 0; i < n; i++) /* one named twice is gone at the second time */
                (void) end_anywhere(owner, ids[i], all, true);
        return 0;
}

static int foreach_entry(Queue *q, const EntryArray *a, bool persistent,
        int (*fn)(void *userdata, const BrokerInfo *info), void *userdata)
{
        for (uint32_t i = 0; i < a->n; i++) {
                BrokerInfo info = { .id = a->items[i].id,
                        .state = state_at_rank(q->rank),
                        .persistent = persistent,
                        .inside = a->items[i].inside,
                        .owner = q->owner };
                int r = a->items[i].dead ? 0 : fn(userdata, &info);

                if (r < 0)
                        return r;
        }
        return 0;
}

int broker_foreach(
        Broker *broker, int (*fn)(void *userdata, const BrokerInfo *info), void *userdata)
{
        list_foreach (it, &broker->owners) {
                BrokerOwner *owner = list_entry(it, BrokerOwner, link);

                for (int rank = 0; rank < N_RANKS; rank++) {
                        Queue *q = owner->queues[rank];
                        int r;

                        if (!q)
                                continue;
                        r = foreach_entry(q, &q->once, false, fn, userdata);
                        if (r >= 0)
                                r = foreach_entry(q, &q->persistent, true, fn, userdata);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}
