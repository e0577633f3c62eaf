/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_STATE_H
#define LWSD_LWS_STATE_H
/*
 * The state manager, as in libwebsockets: notifiers are asked before each step and told after it.
 * All functions belong to thread 0 of the context.
 */
#include <lwsd/lws-states.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The object of type T whose member M is at P: a notifier's link, a timer. */
#define lws_container_of(P, T, M) ((T *) ((char *) (P) -offsetof(T, M)))

struct lws_context;
struct lws_dll2_owner;

/* A list head inside the caller's object; zero it, the library does the rest. */
typedef struct lws_dll2 {
        struct lws_dll2 *prev, *next;
        struct lws_dll2_owner *owner;
} lws_dll2_t;

typedef struct lws_dll2_owner {
        lws_dll2_t *tail, *head;
        unsigned int count;
} lws_dll2_owner_t;

struct lws_state_manager;
struct lws_state_notify_link;

/*
 * Asked with (current, target) before the step from current to target: nonzero holds the change
 * back and takes over the duty to retry it with lws_state_transition_steps(). Told with (target,
 * target) after it; the return value is then ignored. Notifiers are called in the order of
 * registration, and may register, deregister (themselves too) and request transitions, which are
 * queued.
 */
typedef int (*lws_state_notify_t)(
        struct lws_state_manager *mgr, struct lws_state_notify_link *link, int current, int target);

typedef struct lws_state_notify_link {
        lws_dll2_t list;
        lws_state_notify_t notify_cb;
        const char *name; /* shown as the one that holds back; must outlive the link */
} lws_state_notify_link_t;

typedef struct lws_state_manager {
        lws_dll2_owner_t notify_list;
        struct lws_context *context;
        void *parent; /* the context too */
        const char **state_names;
        const char *name; /* "system" */
        int state;
} lws_state_manager_t;

/* Adds a notifier behind the others. The link belongs to the caller and must stay until it is
 * deregistered or the context is gone. */
void lws_state_reg_notifier(lws_state_manager_t *mgr, lws_state_notify_link_t *link);
void lws_state_reg_deregister(lws_state_notify_link_t *link);
/* Adds each of a NULL-terminated list. */
void lws_state_reg_notifier_list(lws_state_manager_t *mgr, lws_state_notify_link_t *const *list);

/*
 * Goes step by step towards `target`, up or down. 0: reached, or queued because a notifier is being
 * called; 1: held back on the way (by a notifier or a hold), and continued when that is over;
 * -EINVAL for CONTEXT_DESTROYING and what is no state, -ENOBUFS when too many are queued. A way
 * down is one change, and the ladder climbs again at the next turn of the loop as far as holds
 * allow. From POLICY_INVALID, to which it goes where POLICY_VALID holds (else 1), it climbs again
 * when a state is asked for: the new policy is there then.
 */
int lws_state_transition_steps(lws_state_manager_t *mgr, int target);
/* The same in one step: notifiers see (current, target) once. */
int lws_state_transition(lws_state_manager_t *mgr, int target);

#ifdef __cplusplus
}
#endif
#endif
