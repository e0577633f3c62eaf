/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The inbox of a service thread: any thread puts nodes in, the service thread takes all at once.
 * It decides when a sleeping loop is woken, so it is kept this small and is checked exhaustively
 * (tests/unit/test-inbox, tests/model/inbox.pml).
 *
 * One word: a stack of nodes, or one of three kinds of empty. INBOX_AWAKE: the loop looks again
 * before it sleeps, nobody needs to wake it. INBOX_IDLE: it sleeps or is about to; whoever replaces
 * this value, and nobody else, writes the wake descriptor. Each sleep is thus ended by one write.
 * INBOX_CLOSED: nothing goes in any more.
 *
 * Memory order: a push releases the node and everything written before it, the take acquires them.
 * Pushes form a release sequence, so one acquire covers every node of the stack. Nothing else is
 * read on the strength of this word: the loop goes to sleep by a compare-and-swap of the very word
 * a push changes, so that no fence between two words is needed.
 */
#include "util/error.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct InboxNode InboxNode;
struct InboxNode {
        InboxNode *next;
};

typedef struct Inbox Inbox;
struct Inbox {
        _Atomic(InboxNode *) head; /* zeroed: INBOX_AWAKE */
};

typedef enum InboxPush {
        INBOX_PUSHED,
        INBOX_PUSHED_WAKE, /* the caller must write the wake descriptor */
        INBOX_REFUSED,     /* closed */
} InboxPush;

#define INBOX_AWAKE  ((InboxNode *) 0)
#define INBOX_IDLE   ((InboxNode *) 1)
#define INBOX_CLOSED ((InboxNode *) 2)

static inline bool inbox_is_end(const InboxNode *node)
{
        return (uintptr_t) node <= (uintptr_t) INBOX_CLOSED;
}

/* Any thread. */
static inline InboxPush inbox_push(Inbox *inbox, InboxNode *node)
{
        InboxNode *head = atomic_load_explicit(&inbox->head, memory_order_relaxed);

        do {
                if (head == INBOX_CLOSED)
                        return INBOX_REFUSED;
                node->next = head;
        } while (!atomic_compare_exchange_weak_explicit(
                &inbox->head, &head, node, memory_order_release, memory_order_relaxed));
        return head == INBOX_IDLE ? INBOX_PUSHED_WAKE : INBOX_PUSHED;
}

/* The service thread, before it polls. True: it may sleep, a push will wake it. */
static inline bool inbox_sleep(Inbox *inbox)
{
        InboxNode *head = INBOX_AWAKE;

        return atomic_compare_exchange_strong_explicit(&inbox->head, &head, INBOX_IDLE,
                       memory_order_relaxed, memory_order_relaxed) ||
               head == INBOX_IDLE;
}

/* Whether a take would bring something; a hint that costs no write. */
static inline bool inbox_has_nodes(const Inbox *inbox)
{
        return !inbox_is_end(atomic_load_explicit(&inbox->head, memory_order_relaxed));
}

/* The service thread. The newest node, from which `next` leads to the oldest; ends where
 * inbox_is_end(). The loop counts as awake from here on. */
static inline InboxNode *inbox_take(Inbox *inbox)
{
        return atomic_exchange_explicit(&inbox->head, INBOX_AWAKE, memory_order_acquire);
}

/* The same, and nothing goes in from here on. */
static inline InboxNode *inbox_close(Inbox *inbox)
{
        return atomic_exchange_explicit(&inbox->head, INBOX_CLOSED, memory_order_acquire);
}
