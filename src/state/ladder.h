/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The ladder: the only code that changes the system state.
 *
 * Helpers, remote processes and notifiers report facts by taking and dropping holds; the ladder
 * decides. It climbs a rung at a time while nothing holds the next one, and falls, after the flap
 * time, below the lowest rung whose requirement no longer holds. Pure: time comes in through
 * ladder_process(), the next deadline goes out through the wake function, nothing is called from
 * inside hold_*() or ladder_request_*(). Everything happens on thread 0 of the context.
 *
 * A climb from old to next is: ask the notifiers (old, next), each may veto; commit; tell the
 * notifiers (next, next); tell the watches last. A request made inside any of these is queued.
 */
#include "state/table.h"
#include "util/clock.h"
#include "util/list.h"
#include <lwsd/lws-state.h>
#include <sys/types.h>

typedef struct Ladder Ladder;
typedef struct Hold Hold;
typedef struct LadderWatch LadderWatch;

/* Asks the owner to call ladder_process() at `deadline` (0: next turn of the loop, USEC_INFINITY:
 * no need). Called often; must be cheap. */
typedef void (*LadderWakeFn)(void *userdata, usec_t deadline);

/* Where the times of entries and holds come from. */
typedef struct LadderClocks LadderClocks;
struct LadderClocks {
        usec_t (*boottime)(void), (*monotonic)(void), (*realtime)(void);
};

int ladder_new(Ladder **ret, const LadderClocks *clocks, LadderWakeFn wake, void *userdata);
/* Not from inside a watch or a notifier. Holds and watches that are still there come off it. */
Ladder *ladder_free(Ladder *ladder);
DEFINE_CLEANUP(Ladder, ladder_free)

/* Applies what is due at `now` (CLOCK_BOOTTIME): falls, then climbs as far as holds allow, all in
 * this call; bounded, what is left over waits for the next turn. */
void ladder_process(Ladder *ladder, usec_t now);

/* The libwebsockets face of this ladder (mgr->state is kept equal to ladder_state()). */
lws_state_manager_t *ladder_manager(Ladder *ladder);

/* Notifiers or watches are being called: not the moment to free it. */
bool ladder_is_busy(const Ladder *ladder);

int ladder_state(const Ladder *ladder);
/* The one gate: does `state` hold now, entered or passed? False for all while policy is reloaded
 * (for POLICY_VALID and above) or the context goes. Safe from any thread. */
bool ladder_reached(const Ladder *ladder, int state);
uint64_t ladder_serial(const Ladder *ladder);
void ladder_set_serial(Ladder *ladder, uint64_t serial);
/* Where to climb to; default OPERATIONAL. -EINVAL for a state off the ladder. */
int ladder_set_target(Ladder *ladder, int state);
int ladder_target(const Ladder *ladder);
/* What goes with one and the same cause is not told in the same instant. */
#define LADDER_FLAP_MIN_USEC (10 * USEC_PER_MSEC)

/* How long a requirement must be missing before the state falls (FlapSec=), and no less than the
 * minimum. */
void ladder_set_flap(Ladder *ladder, usec_t flap_usec);
usec_t ladder_flap(const Ladder *ladder);
/* Enters POLICY_INVALID, lets its watchers drain for a turn of the loop, then climbs again from
 * below POLICY_VALID. Nothing to do, and nothing done, while POLICY_VALID does not hold. */
void ladder_request_policy_invalid(Ladder *ladder);
/* Enters CONTEXT_DESTROYING at once; nothing follows it. From inside a watch or notifier: no gate
 * is open from here on, and the change is told when those have returned. */
void ladder_destroying(Ladder *ladder, usec_t now);

/* -- Watches: told after each committed change, in the order of registration. ------------------ */
typedef struct LadderChange LadderChange;
struct LadderChange {
        int old_state, new_state;
        uint64_t serial;
        usec_t boottime_usec, monotonic_usec, realtime_usec; /* of the entry */
};
struct LadderWatch {
        List link;
        void (*changed)(LadderWatch *watch, const LadderChange *change);
        /* optional: holds or their explanation changed */
        void (*waiting)(LadderWatch *watch);
};
void ladder_watch_link(Ladder *ladder, LadderWatch *watch);
void ladder_watch_unlink(LadderWatch *watch);

/* -- Holds --------------------------------------------------------------------------------------
 * HOLD_ENTRY keeps the ladder from entering the state and acts at the next entry only.
 * HOLD_REQUIRED is a fact that the state needs: when it is asserted while the state holds, the
 * ladder falls below that state after the flap time, unless it is dropped before. */
typedef enum HoldKind { HOLD_ENTRY, HOLD_REQUIRED } HoldKind;

typedef struct HoldInfo HoldInfo;
struct HoldInfo {
        int state;
        HoldKind kind;
        const char *who;      /* "dhcp", a notifier's name, what a remote process said */
        const char *code;     /* "no-offer"; stable words for programs */
        const char *why;      /* "eth0: no offer after 4 tries"; no running clock in it */
        usec_t since_usec;    /* CLOCK_MONOTONIC */
        usec_t next_try_usec; /* CLOCK_MONOTONIC, 0 = none */
        uid_t uid;            /* of a remote holder; 0 for our own */
        pid_t pid;
};

/* Makes a hold that is not asserted. `who` is copied (cut to 255 bytes, made printable). */
int hold_new(Hold **ret, Ladder *ladder, int state, HoldKind kind, const char *who);
/* Drops and frees. NULL is fine. */
Hold *hold_free(Hold *hold);
DEFINE_CLEANUP(Hold, hold_free)
/* Asserts, or changes what an asserted one says. `code` is copied (31 bytes). `next_try_usec` is
 * CLOCK_MONOTONIC, 0 for none. Cannot fail: a text that finds no memory is shortened. */
void hold_assert(Hold *hold, const char *code, usec_t next_try_usec, const char *fmt, ...)
        _printf_(4, 5);
void hold_drop(Hold *hold);
bool hold_is_asserted(const Hold *hold);
void hold_set_owner(Hold *hold, uid_t uid, pid_t pid);
/* Another name for the one that waits, e.g. "dhcp" or "link" for the same requirement. */
void hold_set_who(Hold *hold, const char *who);
HoldInfo hold_info(const Hold *hold);

/* Calls `fn` for each asserted hold that keeps the ladder from its next rung, if it is to climb it
 * (waiting), or for every asserted hold (all). `fn` must not change holds. */
typedef void (*HoldFn)(void *userdata, Hold *hold, const HoldInfo *info);
void ladder_foreach_waiting(Ladder *ladder, HoldFn fn, void *userdata);
void ladder_foreach_hold(Ladder *ladder, HoldFn fn, void *userdata);
