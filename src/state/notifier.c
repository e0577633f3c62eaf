/* SPDX-License-Identifier: MIT */
/* The libwebsockets face of the ladder: notifiers and requested transitions. */
#include "state/ladder-private.h"
#include "util/error.h"

static Ladder *ladder_of(lws_state_manager_t *mgr)
{
        return container_of(mgr, Ladder, manager);
}

_public_ void lws_state_reg_notifier(lws_state_manager_t *mgr, lws_state_notify_link_t *link)
{
        lws_dll2_owner_t *owner = &mgr->notify_list;
        Ladder *ladder = ladder_of(mgr);

        if (link->list.owner)
                return;
        link->list = (lws_dll2_t){ .prev = owner->tail, .owner = owner };
        if (owner->tail)
                owner->tail->next = &link->list;
        else
                owner->head = &link->list;
        owner->tail = &link->list;
        owner->count++;
        if (!ladder->notify_end)
                ladder->notify_end = &link->list;
}

_public_ void lws_state_reg_deregister(lws_state_notify_link_t *link)
{
        lws_dll2_owner_t *owner = link->list.owner;
        lws_dll2_t *prev = link->list.prev, *next = link->list.next;
        Ladder *ladder;

        if (!owner)
                return;
        ladder = ladder_of(container_of(owner, lws_state_manager_t, notify_list));
        if (ladder->notify_next == &link->list)
                ladder->notify_next = next;
        if (ladder->notify_end == &link->list)
                ladder->notify_end = next;
        *(prev ? &prev->next : &owner->head) = next;
        *(next ? &next->prev : &owner->tail) = prev;
        owner->count--;
        link->list = (lws_dll2_t){ 0 };
        if (ladder->notify_asked == link)
                ladder->notify_asked = NULL;
        if (ladder->vetoer == link)
                ladder_clear_veto(ladder);
}

_public_ void lws_state_reg_notifier_list(
        lws_state_manager_t *mgr, lws_state_notify_link_t *const *list)
{
        for (; list && *list; list++)
                lws_state_reg_notifier(mgr, *list);
}

void ladder_clear_veto(Ladder *ladder)
{
        ladder->vetoer = NULL;
        hold_drop(ladder->veto);
}

/* Whoever registers during the walk is asked from the next change on. A notifier may free its link
 * in its call, so that what it was is not looked at afterwards unless it is still registered. */
lws_state_notify_link_t *ladder_ask_notifiers(Ladder *ladder, int current, int target)
{
        ladder->notify_next = ladder->manager.notify_list.head;
        ladder->notify_end = NULL;
        while (ladder->notify_next && ladder->notify_next != ladder->notify_end) {
                lws_state_notify_link_t *link =
                        container_of(ladder->notify_next, lws_state_notify_link_t, list);

                ladder->notify_asked = link;
                ladder->notify_next = link->list.next;
                if (link->notify_cb(&ladder->manager, link, current, target) == 0 ||
                        current == target || !ladder->notify_asked)
                        continue;
                return link;
        }
        return NULL;
}

static int request(lws_state_manager_t *mgr, int target, bool one_step)
{
        Ladder *ladder = ladder_of(mgr);
        LadderRequest new_request = { .rank = state_rank(target),
                .one_step = one_step,
                .policy_invalid = target == LWS_SYSTATE_POLICY_INVALID };
        int before = ladder->rank;

        if (new_request.rank < 0 && !new_request.policy_invalid)
                return -EINVAL;
        if (ladder->n_requests >= LADDER_REQUESTS_MAX)
                return -ENOBUFS;
        ladder->requests[ladder->n_requests++] = new_request;
        if (ladder->busy)
                return 0;
        ladder_run_requests(ladder);
        if (new_request.policy_invalid)
                return ladder_state(ladder) != LWS_SYSTATE_POLICY_INVALID;
        if (new_request.rank < before)
                return ladder->rank > new_request.rank;
        return ladder_state(ladder) == LWS_SYSTATE_CONTEXT_DESTROYING ||
               ladder->rank < new_request.rank;
}

_public_ int lws_state_transition_steps(lws_state_manager_t *mgr, int target)
{
        return request(mgr, target, false);
}

_public_ int lws_state_transition(lws_state_manager_t *mgr, int target)
{
        return request(mgr, target, true);
}
