/* SPDX-License-Identifier: MIT */
/*
 * stress-attach [SECONDS [SEED]]: eight threads post, cancel, watch, change the state and destroy
 * at random, round after round on a new context, each round's choices from a seed that is printed:
 * which loop, whose it is and who turns it, with a lock of the user's in .attach or without.
 * `stress-attach 0 SEED` replays one round's choices (the threads still meet as they like). Made
 * for ThreadSanitizer and AddressSanitizer.
 */
#include "core/context.h"
#include "loop/loop.h"
#include "util/rng.h"
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

enum { THREADS = 8, SERVICE_MAX = 4, ITEMS = 600, RANKS = 15 };

#define REQUIRE(condition)                                                                         \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "seed %" PRIu64 ": line %d: not %s\n", round_seed,         \
                                __LINE__, #condition);                                             \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)

typedef enum Kind { PLAIN, EXTENDED, WATCH } Kind;

typedef struct Item Item;
struct Item {
        _Atomic bool asked, refused;
        Kind kind;
        int owner, tsi, rank;
        unsigned seq;
        bool may_expire;
        _Atomic uint64_t handle;
        _Atomic int ran, destroyed, cancelled; /* how often; how often cancel said 1 */
        bool inside;
};

/* How a service thread's loop turns. */
typedef enum Way {
        SERVICE, /* lws_service() */
        DRIVEN,  /* poll() on the context's descriptor */
        FOREIGN, /* an sd-event of the thread's own */
        WAYS,
} Way;

static uint64_t round_seed;
static struct lws_context *cx, *gone;
static Way way;
static sd_event *events[SERVICE_MAX];
static _Atomic bool ended; /* the context told its protocols so */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Item items[THREADS][ITEMS];
static int n_service;
static bool drains;
static _Atomic bool quiet; /* callbacks ask for no more */
static _Atomic int asking;
static _Atomic int serving; /* threads that have made their first turn */
static __thread int my_tsi = -1, me;
static __thread Rng rng;
static __thread unsigned next_item;
/* the last that ran, by thread, owner and rank; used on that thread only */
static unsigned last[SERVICE_MAX][THREADS][RANKS];

static unsigned pick(unsigned n)
{
        return (unsigned) rng_range(&rng, 0, n - 1);
}

static void act(void);

static void on_run(struct lws_context *context, int tsi, void *opaque)
{
        Item *it = opaque;
        unsigned *before = &last[tsi][it->owner][it->rank];

        REQUIRE(context == cx && tsi == my_tsi && tsi == it->tsi);
        REQUIRE(++it->ran == 1);
        REQUIRE(it->cancelled == 0 && it->destroyed == 0);
        REQUIRE(it->seq > *before);
        *before = it->seq;
        if (pick(8) == 0)
                act();
}

static void on_destroy(void *opaque)
{
        Item *it = opaque;

        REQUIRE(++it->destroyed == 1);
}

static void on_entered(struct lws_context *context, int tsi, void *opaque)
{
        Item *it = opaque;

        REQUIRE(tsi == my_tsi && !it->inside && it->cancelled == 0);
        it->inside = true;
        if (pick(8) == 0)
                act();
}

static void on_left(struct lws_context *context, int tsi, void *opaque)
{
        Item *it = opaque;

        REQUIRE(tsi == my_tsi && it->inside && it->cancelled == 0);
        it->inside = false;
}

static void on_destroy_context(struct lws_context *context, int tsi, void *opaque)
{
        lws_context_destroy(context);
}

static void on_move(struct lws_context *context, int tsi, void *opaque)
{
        (void) lws_state_transition_steps(
                lws_system_get_state_manager(context), (int) (intptr_t) opaque);
}

static void ask(void)
{
        Item *it;
        lws_system_states_t state;
        uint64_t handle = 0;
        lws_usec_t deadline;
        int r = 0;

        if (next_item == ITEMS)
                return;
        it = &items[me][next_item];
        it->kind = pick(10) < 6 ? PLAIN : pick(10) < 8 ? EXTENDED : WATCH;
        it->owner = me;
        it->tsi = (int) pick((unsigned) n_service);
        it->rank = (int) pick(RANKS);
        it->seq = ++next_item;
        state = (lws_system_states_t) it->rank;
        it->asked = true;
        switch (it->kind) {
        case PLAIN:
                r = lws_system_get_ops(cx)->attach(cx, it->tsi, on_run, state, it, NULL);
                break;
        case EXTENDED:
                it->may_expire = pick(3) == 0;
                deadline = lws_now_usecs() +
                           (it->may_expire ? (lws_usec_t) pick(3000) : LWS_US_PER_SEC * 3600);
                r = lws_system_attach_ext(cx, it->tsi, on_run, state, it, on_destroy,
                        pick(2) || it->may_expire ? deadline : 0, &handle);
                break;
        case WATCH:
                r = lws_system_watch(cx, it->tsi, state, on_entered, on_left, it, &handle);
                break;
        }
        it->handle = handle;
        it->refused = r != 0;
}

static void cancel(void)
{
        Item *it = &items[pick(THREADS)][pick(ITEMS)];
        uint64_t handle = it->handle;
        int r = handle ? lws_system_attach_cancel(cx, handle) : 0;

        if (r == 0)
                return;
        REQUIRE(r == 1 && ++it->cancelled == 1);
        if (it->kind == EXTENDED)
                REQUIRE(it->ran == 0 && it->destroyed == 1);
}

static void move(int state)
{
        (void) lws_system_get_ops(cx)->attach(
                cx, 0, on_move, LWS_SYSTATE_UNKNOWN, (void *) (intptr_t) state, NULL);
}

static void act(void)
{
        unsigned what = pick(100);

        if (what < 70) {
                asking++;
                if (!quiet)
                        ask();
                asking--;
        } else if (what < 90)
                cancel();
        else if (what < 93)
                move((int) pick(LWS_SYSTATE_POLICY_INVALID + 1));
        else if (what < 95)
                lws_cancel_service(cx);
        else
                sched_yield();
}

static void begin(int id)
{
        me = id;
        next_item = 0;
        rng = rng_seeded(round_seed * THREADS + (uint64_t) id);
}

static void *produce(void *arg)
{
        unsigned n;

        begin((int) (intptr_t) arg);
        my_tsi = -1;
        n = pick(ITEMS);
        while (n-- > 0)
                act();
        return NULL;
}

static void on_first(struct lws_context *context, int tsi, void *opaque)
{
        serving++;
}

static int turn(void)
{
        enum {
                LOOK_USEC = 1000
        }; /* whether the context is there: nothing wakes the loop for that */
        struct pollfd p = { .events = POLLIN };
        int r = 0;

        switch (way) {
        case DRIVEN:
                p.fd = lws_context_get_fd(cx, my_tsi);
                (void) poll(&p, 1, lws_context_get_timeout(cx, my_tsi));
                r = lws_context_dispatch(cx, my_tsi);
                break;
        case FOREIGN:
                REQUIRE(sd_event_run(events[my_tsi], LOOK_USEC) >= 0);
                r = ended ? -1 : 0;
                break;
        case SERVICE:
        case WAYS:
                r = lws_service(cx, my_tsi);
                break;
        }
        return r;
}

static void *serve(void *arg)
{
        begin((int) (intptr_t) arg);
        my_tsi = (int) (intptr_t) arg;
        while (turn() == 0)
                ;
        events[my_tsi] = sd_event_unref(events[my_tsi]);
        REQUIRE(!events[my_tsi]); /* nobody else has it: left as it was found */
        return NULL;
}

/* Everything that can still happen has. */
static bool is_drained(void)
{
        for (int t = 0; t < THREADS; t++)
                for (int i = 0; i < ITEMS; i++) {
                        Item *it = &items[t][i];

                        if (it->asked && !it->refused && it->kind != WATCH && !it->ran &&
                                !it->destroyed)
                                return false;
                }
        return true;
}

static void check(void)
{
        for (int t = 0; t < THREADS; t++)
                for (int i = 0; i < ITEMS; i++) {
                        Item *it = &items[t][i];

                        if (!it->asked || it->refused) {
                                REQUIRE(it->ran == 0 && it->destroyed == 0);
                                continue;
                        }
                        REQUIRE(it->destroyed == (it->kind == EXTENDED));
                        if (it->kind == PLAIN && drains)
                                REQUIRE(it->ran == 1);
                        if (it->kind == EXTENDED && drains && !it->may_expire)
                                REQUIRE(it->ran + it->cancelled == 1);
                }
}

static int attach_with_lock(struct lws_context *context, int tsi, lws_attach_cb_t *cb,
        lws_system_states_t state, void *opaque, struct lws_attach_item **get)
{
        int r;

        pthread_mutex_lock(&lock);
        r = __lws_system_attach(context, tsi, cb, state, opaque, get);
        pthread_mutex_unlock(&lock);
        return r;
}

static int on_protocol(
        struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
        if (reason == LWS_CALLBACK_PROTOCOL_DESTROY)
                ended = true;
        return 0;
}

static struct lws_context *make(void)
{
        static const uint64_t loops[] = { 0, LWS_SERVER_OPTION_SDEVENT, LWS_SERVER_OPTION_LIBEV };
        static const lws_system_ops_t locked = { .attach = attach_with_lock };
        static const struct lws_protocols protocols[] = {
                { .name = "end", .callback = on_protocol }, LWS_PROTOCOL_LIST_TERM
        };
        struct lws_context_creation_info info;

        lws_context_info_defaults(&info, NULL);
        info.options = loops[pick(loop_libev ? 3 : 2)];
        info.count_threads = (unsigned) n_service;
        info.pcontext = &gone;
        info.protocols = protocols;
        info.system_ops = pick(2) ? &locked : NULL;
        way = (Way) pick(WAYS);
        if (way == DRIVEN)
                info.options = 0;
        if (way == FOREIGN) {
                info.options = LWS_SERVER_OPTION_SDEVENT;
                info.foreign_loops = (void **) events;
                for (int t = 0; t < n_service; t++)
                        REQUIRE(sd_event_new(&events[t]) >= 0);
        }
        return lws_create_context(&info);
}

static void run_round(uint64_t seed)
{
        pthread_t id[THREADS];
        bool by_callback;

        round_seed = seed;
        begin(0);
        memset(items, 0, sizeof(items));
        memset(last, 0, sizeof(last));
        n_service = 1 + (int) pick(SERVICE_MAX);
        drains = pick(2);
        by_callback = pick(2);
        quiet = ended = false;
        serving = 0;
        gone = cx = make();
        REQUIRE(cx);
        for (int t = 0; t < n_service; t++)
                REQUIRE(lws_system_get_ops(cx)->attach(
                                cx, t, on_first, LWS_SYSTATE_UNKNOWN, NULL, NULL) == 0);
        for (intptr_t t = 0; t < THREADS; t++)
                REQUIRE(pthread_create(&id[t], NULL, t < n_service ? serve : produce, (void *) t) ==
                        0);
        for (int t = n_service; t < THREADS; t++)
                pthread_join(id[t], NULL);
        /* a thread that comes to a context that is gone already is the caller's error */
        while (serving < n_service)
                sched_yield();
        quiet = drains;
        while (drains && (asking > 0 || !is_drained())) {
                /* out of POLICY_INVALID */
                move(LWS_SYSTATE_OPERATIONAL);
                for (int i = 0; i < 100 && !is_drained(); i++)
                        sched_yield();
        }
        if (!by_callback || lws_system_get_ops(cx)->attach(cx, (int) pick((unsigned) n_service),
                                    on_destroy_context, LWS_SYSTATE_UNKNOWN, NULL, NULL) != 0)
                lws_context_destroy(cx);
        for (int t = 0; t < n_service; t++)
                pthread_join(id[t], NULL);
        REQUIRE(!gone);
        check();
}

int main(int argc, char **argv)
{
        unsigned long seconds = argc > 1 ? strtoul(argv[1], NULL, 0) : 2, rounds = 0;
        uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : clock_realtime_usec();
        usec_t end = clock_monotonic_usec() + seconds * USEC_PER_SEC;

        printf("seed %" PRIu64 "\n", seed);
        fflush(stdout);
        do
                run_round(seed++);
        while (rounds++, clock_monotonic_usec() < end);
        printf("%lu rounds, the last with seed %" PRIu64 "\n", rounds, seed - 1);
        return 0;
}
