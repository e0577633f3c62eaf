/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWSD_CLIENT_H
#define LWSD_LWSD_CLIENT_H
/*
 * Client of lwsd: be called back, on your own event loop, the moment the machine reaches a state,
 * whatever is restarted in between.
 *
 * A client talks to lwsd over its private socket or the system bus, whichever is there, waits for
 * either to appear, and comes back by itself after lwsd or the bus was restarted. Nothing here ever
 * blocks, and no callback ever runs inside the call that asked for it: they run from the loop only.
 *
 * Conventions, for every function unless it says otherwise:
 *  - 0 or a positive value is success; a negative errno is failure, and nothing has changed then.
 *    Arguments named ret_ are written on success only.
 *  - -EINVAL: a NULL pointer or a value that makes no sense. -ECHILD: the client was made by
 *    another process (before fork()). -ENOMEM: no memory. -ESTALE: the client is being torn down.
 *  - One client belongs to one thread, the one that runs its loop. Different clients may live in
 *    different threads. Nothing is shared between them.
 *  - Functions whose name ends in _unref() take NULL and return NULL.
 *
 * Calls made in one turn of the loop travel together in one message.
 */
#include <lwsd/lws-states.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sd_event;

typedef struct lwsd_client lwsd_client;
typedef struct lwsd_attachment lwsd_attachment;
typedef struct lwsd_hold lwsd_hold;
typedef struct lwsd_query lwsd_query;

/* -- The client --------------------------------------------------------------------------------*/

/*
 * Makes a client. It does not fail because lwsd is not there: it connects from the loop as soon as
 * it is. The private socket is tried first (LWSD_SOCKET in the environment, else
 * /run/lwsd/private), then the system bus (DBUS_SYSTEM_BUS_ADDRESS, else the usual one). The caller
 * owns one reference. Errors: also -EMFILE, -ENFILE.
 */
int lwsd_client_new(lwsd_client **ret_client);
/* The same for one private socket: `path` is the only way tried. -ENAMETOOLONG for a path that does
 * not fit into a socket address. */
int lwsd_client_new_socket(lwsd_client **ret_client, const char *path);

/* Takes a reference; returns the client. */
lwsd_client *lwsd_client_ref(lwsd_client *client);
/*
 * Drops a reference. With the last one the connection is closed, holds are let go, and no callback
 * runs any more, not even one that is due; it may be called inside a callback. Attachments, holds
 * and queries that the caller still owns become inert: their own _unref() frees them.
 */
lwsd_client *lwsd_client_unref(lwsd_client *client);

typedef enum {
        LWSD_CLIENT_CONNECTED,    /* lwsd has answered */
        LWSD_CLIENT_DISCONNECTED, /* lwsd is gone; the client is looking for it */
        LWSD_CLIENT_REFUSED,      /* lwsd refused an attachment: `error` and `text` say why */
} lwsd_client_status_t;

/* `error` is 0 or a negative errno, `text` a sentence for a person or "", valid during the call. */
typedef void (*lwsd_client_status_cb_t)(lwsd_client *client, lwsd_client_status_t status, int error,
        const char *text, void *opaque);

/* Sets who is told about the connection; NULL for nobody. Attachments need none of this: they come
 * back by themselves. An attachment refused for a reason that passes (a quota) is asked for again,
 * each time a little later. */
int lwsd_client_set_status_callback(lwsd_client *client, lwsd_client_status_cb_t cb, void *opaque);

/* 1 while lwsd answers, 0 while the client looks for it. */
int lwsd_client_is_connected(lwsd_client *client);

/*
 * The state as far as the client knows it, without asking. 1: lwsd is there and this is its state
 * (as of the last turn of the loop); 0: lwsd is not there, this was its last; -ENODATA: lwsd has
 * not been reached yet.
 */
int lwsd_client_get_state(lwsd_client *client, lws_system_states_t *ret_state);

/* -- The loop: one of these three ways ----------------------------------------------------------*/

/*
 * Runs the client from an sd-event loop (NULL: the thread's default one), at a priority as for
 * sd_event_source_set_priority(3). The client holds a reference on the loop until
 * lwsd_client_detach_event() or its end. -EBUSY: the client is on a loop already.
 */
int lwsd_client_attach_event(lwsd_client *client, struct sd_event *event, int priority);
/* Takes the client off its sd-event loop; it may be put on another. 0 also when it was on none. */
int lwsd_client_detach_event(lwsd_client *client);

/*
 * For any other loop: one descriptor to poll. It is an epoll descriptor that stands for all the
 * client has, so it stays the same for the client's life, is readable when there is something to
 * do, timeouts included, and belongs to the client. Watching it for what
 * lwsd_client_get_events() says and calling lwsd_client_process() when it is ready is enough.
 */
int lwsd_client_get_fd(lwsd_client *client);
/* What to poll the descriptor for: POLLIN. */
int lwsd_client_get_events(lwsd_client *client);
/*
 * When to call lwsd_client_process() at the latest: absolute CLOCK_MONOTONIC microseconds, 0 for at
 * once, UINT64_MAX for never, as sd_bus_get_timeout(3). A loop that watches the descriptor may
 * ignore it; one that reads it before each poll saves a system call.
 */
int lwsd_client_get_timeout(lwsd_client *client, uint64_t *ret_usec);
/*
 * One turn: sends what was asked for, reads what came, runs what is due, a bounded amount of each.
 * 1: call it again, there is more (the descriptor stays readable); 0: poll. -EBUSY inside a
 * callback of this client. Failures of the connection are not errors: the client looks for lwsd
 * again. All callbacks run from in here.
 */
int lwsd_client_process(lwsd_client *client);

/* Called once, when the client goes or is given another hook. */
typedef void (*lwsd_client_detach_cb_t)(lwsd_client *client, void *opaque);
/*
 * For loops with a hook before each poll (libev, GLib, libuv have one): promises that the loop
 * calls lwsd_client_prepare() each time before it polls, which spares the client from waking itself
 * up. `detach` (may be NULL) tells the binding to let go of the client. NULL for both ends the
 * promise. -EBUSY: the client is on another loop.
 */
int lwsd_client_set_prepare(lwsd_client *client, lwsd_client_detach_cb_t detach, void *opaque);
/* Sends what this turn of the loop asked for; runs no callback. 1: do not wait in poll, call
 * lwsd_client_process() at once; 0: poll. */
int lwsd_client_prepare(lwsd_client *client);

/* -- Attach and watch ---------------------------------------------------------------------------*/

typedef void (*lwsd_attachment_cb_t)(lwsd_attachment *attachment, void *opaque);

/*
 * Calls `cb` once, from the loop, as soon as `state` is entered or passed; if that is so already,
 * at the next turn. It waits through any restart of lwsd and of the bus, and runs exactly once. May
 * be called before lwsd runs.
 *
 * `ret_attachment` may be NULL: then the attachment belongs to the client and goes after its
 * callback. Otherwise the caller owns it, also after the callback has run. -ERANGE: a state off the
 * ladder (LWS_SYSTATE_UNKNOWN too).
 */
int lwsd_client_attach(lwsd_client *client, lwsd_attachment **ret_attachment,
        lws_system_states_t state, lwsd_attachment_cb_t cb, void *opaque);
/*
 * Calls `entered` each time the state comes to hold and `left` each time it no longer does. The
 * two alternate, `entered` first, and end at the true level. What falls and rises again while lwsd
 * cannot be reached may be told as one pair or not at all, never by half; a restart of lwsd alone
 * is not a fall. Where the callbacks are slower than the state, changes that undid each other are
 * left out in pairs. Either callback may be NULL. Otherwise as lwsd_client_attach().
 */
int lwsd_client_watch(lwsd_client *client, lwsd_attachment **ret_attachment,
        lws_system_states_t state, lwsd_attachment_cb_t entered, lwsd_attachment_cb_t left,
        void *opaque);
/* Detaches and frees: its callbacks never run after this. Fine inside its own callback, and before
 * anything was sent. */
lwsd_attachment *lwsd_attachment_unref(lwsd_attachment *attachment);
/* The client, borrowed; NULL when it is gone. */
lwsd_client *lwsd_attachment_get_client(const lwsd_attachment *attachment);
/* The state that was asked for. */
lws_system_states_t lwsd_attachment_get_state(const lwsd_attachment *attachment);
/* When the state was entered, CLOCK_MONOTONIC microseconds. -ENODATA: it has not been yet. */
int lwsd_attachment_get_entered(const lwsd_attachment *attachment, uint64_t *ret_usec);

/* -- Hold ---------------------------------------------------------------------------------------*/

enum {
        LWSD_HOLD_LOST = 0,  /* let go because lwsd lost it; it is being taken again */
        LWSD_HOLD_TAKEN = 1, /* for the first time */
        LWSD_HOLD_TAKEN_AGAIN =
                2, /* after it was lost: the state may have been entered meanwhile */
};
/* `result`: one of the above, or a negative errno for a refusal (-EACCES: not root nor in group
 * lwsd; -EDQUOT: too many): it is asked for again only at the next connection. */
typedef void (*lwsd_hold_cb_t)(lwsd_hold *hold, int result, void *opaque);

/*
 * Keeps the machine from entering `state` until it is unref'd or this process ends. On a state that
 * is entered already it acts at the next entry. It survives a restart of lwsd; where it is lost all
 * the same, it is taken again as soon as lwsd is back, and `cb` (may be NULL) says so. `who` and
 * `why` (copied) are shown to people who ask what is being waited for. -ERANGE as for
 * lwsd_client_attach(); -E2BIG: `who` or `why` is over 255 bytes.
 */
int lwsd_client_hold(lwsd_client *client, lwsd_hold **ret_hold, lws_system_states_t state,
        const char *who, const char *why, lwsd_hold_cb_t cb, void *opaque);
/* Lets go and frees. Fine inside its own callback. */
lwsd_hold *lwsd_hold_unref(lwsd_hold *hold);
/* The descriptor that is the hold: any copy of it, in any process, keeps it. Borrowed; -EAGAIN
 * while the hold is not taken. */
int lwsd_hold_get_fd(const lwsd_hold *hold);

/* -- Names --------------------------------------------------------------------------------------*/

typedef struct lwsd_address {
        int ifindex;       /* of a scoped address, else 0 */
        int family;        /* AF_INET or AF_INET6 */
        uint8_t bytes[16]; /* network order; 4 of them for AF_INET */
} lwsd_address;

typedef struct lwsd_record {
        int ifindex;
        uint16_t rr_class, rr_type;
        const uint8_t *wire; /* the whole record as on the wire, names not compressed */
        size_t wire_size;
} lwsd_record;

/* What a look-up gave: exactly one call. `result` is 0 or a negative errno (-ESRCH: no such name,
 * -ENODATA: nothing of that kind, -ENETUNREACH: no server within reach, -ETIMEDOUT: no answer,
 * -EIO: the servers failed, -EDQUOT: too many at once); `text` says it in words. All pointers are
 * valid during the call only. */
typedef struct lwsd_answer {
        int result;
        const char *text;
        const lwsd_address *addresses; /* best first */
        size_t n_addresses;
        const lwsd_record *records;
        size_t n_records;
        const char *canonical; /* the name behind aliases; "" where not known */
        uint64_t flags;        /* as in org.freedesktop.resolve1 */
} lwsd_answer;
typedef void (*lwsd_query_cb_t)(lwsd_query *query, const lwsd_answer *answer, void *opaque);

/*
 * Looks up the addresses of a host: AF_INET, AF_INET6 or AF_UNSPEC for both. Asked as soon as lwsd
 * is there, and again after a restart; it ends after 60 s at the latest, with -ETIMEDOUT.
 * `ret_query` may be NULL: then the query belongs to the client and goes after its callback.
 * -EAFNOSUPPORT: another family; -EINVAL also for an empty name or one over 1024 bytes.
 */
int lwsd_client_resolve(lwsd_client *client, lwsd_query **ret_query, const char *name, int family,
        lwsd_query_cb_t cb, void *opaque);
/* Looks up records of any type, class IN. Otherwise the same. */
int lwsd_client_resolve_record(lwsd_client *client, lwsd_query **ret_query, const char *name,
        uint16_t rr_type, lwsd_query_cb_t cb, void *opaque);
/* Gives up and frees: the callback never runs after this. */
lwsd_query *lwsd_query_unref(lwsd_query *query);

/* -- States -------------------------------------------------------------------------------------*/

/* "time-valid"; NULL for a value that is no state. Any thread. */
const char *lwsd_state_to_string(lws_system_states_t state);
/* The state of that name, or -EINVAL. Any thread. */
int lwsd_state_from_string(const char *name);
/* 1 when `state` is entered or passed where the machine is in `current`, else 0. Any thread. */
int lwsd_state_reached(lws_system_states_t current, lws_system_states_t state);

#ifdef __cplusplus
}
#endif
#endif
