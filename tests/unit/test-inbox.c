/* SPDX-License-Identifier: MIT */
/*
 * The inbox, in every interleaving there is. core/inbox.h itself is compiled here with its atomic
 * operations replaced by ones that first hand over to a scheduler; the scheduler runs the same few
 * posts again and again, depth first through all its choices. Looked for: a node that is lost or
 * comes twice, a loop that sleeps while something is in the inbox and nobody will write the wake
 * descriptor, a write for which nobody slept.
 */
#include "lib/suite.h"
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>

static void step(void);
static unsigned choose(unsigned n);

#undef atomic_load_explicit
#undef atomic_exchange_explicit
#undef atomic_compare_exchange_weak_explicit
#undef atomic_compare_exchange_strong_explicit
#define atomic_load_explicit(object, order) (step(), *(object))
#define atomic_exchange_explicit(object, value, order)                                             \
        __extension__({                                                                            \
                step();                                                                            \
                InboxNode *model_old = *(object);                                                  \
                *(object) = (value);                                                               \
                model_old;                                                                         \
        })
#define atomic_compare_exchange_strong_explicit(object, expected, value, yes, no)                  \
        __extension__({                                                                            \
                step();                                                                            \
                bool model_same = *(object) == *(expected);                                        \
                if (model_same)                                                                    \
                        *(object) = (value);                                                       \
                else                                                                               \
                        *(expected) = *(object);                                                   \
                model_same;                                                                        \
        })
/* may fail for no reason, once for each push */
#define atomic_compare_exchange_weak_explicit(object, expected, value, yes, no)                    \
        (may_fail_for_nothing() ? (*(expected) = *(object), false)                                 \
                                : atomic_compare_exchange_strong_explicit(                         \
                                          object, expected, value, yes, no))

static bool may_fail_for_nothing(void);
#include "core/inbox.h"

enum { TASKS_MAX = 4, PUSHES_MAX = 3, CHOICES_MAX = 256, STACK = 64 * 1024 };

/* One configuration: what is tried in all orders. */
typedef struct Config Config;
struct Config {
        unsigned producers, pushes;
        bool close;    /* the loop closes the inbox after the first take */
        bool spurious; /* compare-and-swap may fail for nothing */
};
static Config config;

typedef struct ModelNode ModelNode;
struct ModelNode {
        InboxNode node;
        unsigned delivered;
        bool pushed, done;
};

static Inbox inbox;
static ModelNode nodes[TASKS_MAX][PUSHES_MAX];
static unsigned writes, writes_seen, sleeps;
static bool asleep, closed;

/* Tasks are made once and go round for each run; _setjmp() between them, since swapcontext() makes
 * a system call each time. */
static ucontext_t maker;
static jmp_buf scheduler, tasks[TASKS_MAX];
static char stacks[TASKS_MAX][STACK];
static bool made[TASKS_MAX];
static bool ended[TASKS_MAX], failed_for_nothing[TASKS_MAX];
static unsigned running, n_tasks;

/* The path through the tree of choices, and where in it this run is. */
static unsigned path[CHOICES_MAX], width[CHOICES_MAX], depth;
static unsigned long runs;

static unsigned choose(unsigned n)
{
        if (n == 1)
                return 0;
        width[depth] = n;
        return path[depth++];
}

/* The next path in order; false when all were gone. */
static bool next_path(unsigned length)
{
        while (length > 0 && path[length - 1] + 1 == width[length - 1])
                path[--length] = 0;
        if (length == 0)
                return false;
        path[length - 1]++;
        return true;
}

static void step(void)
{
        if (_setjmp(tasks[running]) == 0)
                _longjmp(scheduler, 1);
}

static bool may_fail_for_nothing(void)
{
        if (!config.spurious || failed_for_nothing[running] || choose(2) == 0)
                return false;
        return failed_for_nothing[running] = true;
}

static void produce(void)
{
        unsigned self = running;

        for (unsigned i = 0; i < config.pushes; i++) {
                ModelNode *node = &nodes[self][i];
                InboxPush pushed = inbox_push(&inbox, &node->node);

                node->pushed = pushed != INBOX_REFUSED;
                node->done = true;
                if (pushed == INBOX_PUSHED_WAKE) {
                        step();
                        writes++;
                }
                if (pushed == INBOX_REFUSED && !closed)
                        ck_abort_msg("refused by an open inbox");
        }
}

static void deliver(InboxNode *list)
{
        for (; !inbox_is_end(list); list = list->next)
                if (++((ModelNode *) list)->delivered > 1)
                        ck_abort_msg("a node came twice");
}

static bool all_done(void)
{
        for (unsigned p = 1; p < n_tasks; p++)
                for (unsigned i = 0; i < config.pushes; i++)
                        if (!nodes[p][i].done || (nodes[p][i].pushed && !nodes[p][i].delivered))
                                return false;
        return true;
}

/* As thread.c and attach.c have it: before each poll look, then try to sleep; after it take. */
static void consume(void)
{
        while (!all_done()) {
                if (!inbox_has_nodes(&inbox) && inbox_sleep(&inbox)) {
                        asleep = true;
                        sleeps++;
                        step(); /* not scheduled before the descriptor fires */
                        asleep = false;
                        writes_seen = writes;
                }
                if (inbox_has_nodes(&inbox))
                        deliver(inbox_take(&inbox));
                if (config.close) {
                        closed = true;
                        deliver(inbox_close(&inbox));
                        break;
                }
        }
}

static bool can_run(unsigned task)
{
        return !ended[task] && !(task == 0 && asleep && writes == writes_seen);
}

static void go_round(void)
{
        for (;;) {
                if (running == 0)
                        consume();
                else
                        produce();
                ended[running] = true;
                step();
        }
}

static void resume(unsigned task)
{
        running = task;
        if (_setjmp(scheduler) != 0)
                return;
        if (made[task])
                _longjmp(tasks[task], 1);
        made[task] = true;
        getcontext(&maker);
        maker.uc_stack.ss_sp = stacks[task];
        maker.uc_stack.ss_size = STACK;
        makecontext(&maker, go_round, 0);
        setcontext(&maker);
}

static void run_once(void)
{
        memset(nodes, 0, sizeof(nodes));
        memset(&inbox, 0, sizeof(inbox));
        writes = writes_seen = sleeps = depth = 0;
        asleep = closed = false;
        n_tasks = config.producers + 1;
        for (unsigned t = 0; t < n_tasks; t++)
                ended[t] = failed_for_nothing[t] = false;
        for (;;) {
                unsigned able[TASKS_MAX], n = 0;

                for (unsigned t = 0; t < n_tasks; t++)
                        if (can_run(t))
                                able[n++] = t;
                if (n == 0)
                        break;
                resume(able[choose(n)]);
        }
        /* nobody can go on: then everybody must be through, with nothing left behind */
        for (unsigned t = 0; t < n_tasks; t++)
                if (!ended[t])
                        ck_abort_msg("task %u sleeps for ever", t);
        if (!all_done())
                ck_abort_msg("a node was lost");
        if (writes > sleeps)
                ck_abort_msg("a write for which nobody slept");
        runs++;
}

START_TEST(in_every_order)
{
        static const Config configs[] = {
                { .producers = 1, .pushes = 3, .spurious = true },
                { .producers = 2, .pushes = 1, .spurious = true },
                { .producers = 1, .pushes = 3, .close = true, .spurious = true },
                { .producers = 2, .pushes = 1, .close = true, .spurious = true },
        };

        config = configs[_i];
        memset(path, 0, sizeof(path));
        runs = 0;
        do
                run_once();
        while (next_path(depth));
        printf("%u producers, %u pushes each: %lu interleavings\n", config.producers, config.pushes,
                runs);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("inbox");
        TCase *tc = tcase_create("inbox");
        SRunner *runner = srunner_create(suite);
        int failed;

        tcase_set_timeout(tc, 120);
        tcase_add_loop_test(tc, in_every_order, 0, 4);
        suite_add_tcase(suite, tc);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
