/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the parts of the client library see of each other.
 *
 *   client.c      life, loop interface, the turn
 *   connection.c  finds lwsd on the private socket or the bus, notices its loss, tries again
 *   discovery.c   waits for a socket to appear (inotify)
 *   attachment.c  attaches and watches: batches out, ids in
 *   hold.c query.c
 *   level.c backoff.c idmap.c states.c    pure
 *
 * Callbacks of sd-bus only change state and put a Due on the client's list; the user's callbacks
 * run from that list, outside sd-bus, so that they may do anything.
 */
#include "libclient/idmap.h"
#include "libclient/level.h"
#include <errno.h>
#include <lwsd/lwsd-client.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#define _public_     __attribute__((visibility("default")))
#define _cleanup_(f) __attribute__((cleanup(f)))

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

#define NEVER UINT64_MAX

/* A call to the user that has to be made. */
typedef struct Due Due;
struct Due {
        TAILQ_ENTRY(Due) link;
        /* Unlinked already; may free what it is part of. */
        void (*run)(lwsd_client *client, Due *due);
        bool linked;
};
TAILQ_HEAD(DueList, Due);

/* -- discovery.c ---------------------------------------------------------------------------------
 * Waits for a file to appear by watching the deepest folder above it that exists. */
typedef struct PathWatch PathWatch;
struct PathWatch {
        char path[108]; /* absolute; "": cannot be watched */
        int wd;
        size_t next_at, next_len; /* the component that is watched for: its place in the path */
};
/* Adds the watch to an inotify descriptor. 1: the file is there (its being replaced is told); 0: it
 * is not, and its coming is told; negative errno: cannot watch. */
int path_watch_arm(PathWatch *watch, int inotify_fd);
/* Whether an event may have brought the file closer. */
struct inotify_event;
bool path_watch_concerns(const PathWatch *watch, const struct inotify_event *event);

/* -- connection.c ------------------------------------------------------------------------------ */
typedef enum Phase {
        PHASE_IDLE,     /* nothing is open: a file or a moment is waited for */
        PHASE_ASKING,   /* on the bus: who has the name? */
        PHASE_NO_OWNER, /* on the bus: nobody; the private socket is still looked for */
        PHASE_READY,    /* calls may be made; lwsd has not said a word yet */
        PHASE_ANSWERED, /* it has */
} Phase;

typedef struct Connection Connection;
struct Connection {
        Phase phase;
        bool lost;        /* noticed inside sd-bus: dropped as soon as we are out of it */
        bool skip_socket; /* the private socket took us in and threw us out: the bus is next */
        bool only_socket; /* never the bus */
        unsigned attempt;
        uint64_t retry_usec; /* CLOCK_MONOTONIC, NEVER */
        sd_bus *bus;
        bool on_bus;
        char *owner; /* on the bus: lwsd's unique name */
        sd_bus_slot *owner_call, *facts_call;
        char *bus_address;
        int inotify_fd;
        PathWatch socket, bus_socket;

        int bus_fd, polled_fd; /* that of the bus, and our copy in the epoll set; -1 */
        uint32_t polled_events;

        lws_system_states_t state;
        bool state_known;
        uint64_t serial, instance;
        /* On a bus: when to ask whether what was told is all there was to tell, NEVER. A broker
         * drops what a client does not read in time, and tells nobody. */
        uint64_t doubt_usec;
};

int connection_init(Connection *conn, const char *socket_path, bool only_socket);
void connection_deinit(lwsd_client *client);
/* Reads and dispatches a bounded amount. 1: there is more. */
int connection_turn(lwsd_client *client, uint64_t now);
/* When the connection wants its next turn: 0, NEVER or a CLOCK_MONOTONIC moment. */
uint64_t connection_deadline(lwsd_client *client);
/* Makes the epoll set say what the bus waits for. */
void connection_poll(lwsd_client *client);
bool connection_is_ready(const lwsd_client *client);
/* A call to lwsd, to be filled and sent with connection_send(). */
int connection_call(
        lwsd_client *client, sd_bus_message **ret, const char *interface, const char *member);
/* Sends it. A reply with an error that only says "the connection is gone" never reaches `reply`. */
int connection_send(lwsd_client *client, sd_bus_message *m, sd_bus_slot **ret_slot,
        sd_bus_message_handler_t reply, void *userdata, uint64_t timeout_usec);
/* First thing in each reply handler: true when the answer is none because the connection ended. */
bool connection_reply_is_loss(lwsd_client *client, sd_bus_message *reply);
/* State as told by lwsd; unknown names are ignored. */
void connection_note_state(lwsd_client *client, const char *name);

/* -- attachment.c ------------------------------------------------------------------------------ */
typedef enum AttachPhase {
        ATTACH_NONE,   /* nothing is there for it: told, failed, or the client is gone */
        ATTACH_UNSENT, /* on the list of what to ask for */
        ATTACH_ASKED,  /* in a message whose reply is to come */
        ATTACH_LIVE,   /* has an id */
} AttachPhase;

struct lwsd_attachment {
        Due due; /* first: found from it */
        lwsd_client *client;
        TAILQ_ENTRY(lwsd_attachment) all;    /* in the order of attaching */
        TAILQ_ENTRY(lwsd_attachment) unsent; /* the same, those in ATTACH_UNSENT */
        lwsd_attachment_cb_t entered, left;
        void *opaque;
        uint64_t id, seq;
        Level level;
        lws_system_states_t state;
        AttachPhase phase;
        unsigned busy; /* uses by a message or by a callback that runs */
        bool owned;    /* by the user */
        bool linked;   /* on the client's list */
};
TAILQ_HEAD(AttachmentList, lwsd_attachment);

#define ATTACH_BATCH_MAX   4096u
#define ATTACH_BATCHES_MAX 4u /* in flight: sd-bus shifts its whole queue for each message */

typedef struct Batch Batch;
struct Batch {
        LIST_ENTRY(Batch) link;
        lwsd_client *client;
        sd_bus_slot *call;
        bool detach;   /* ids to detach, otherwise items to attach */
        uint64_t *ids; /* after the struct, as are the items */
        lwsd_attachment **items;
        size_t n;
};

typedef struct Attachments Attachments;
struct Attachments {
        struct AttachmentList all, unsent;
        IdMap live;
        uint64_t seq;
        size_t n_confirming; /* an upper bound of the levels that wait for their Attached */
        LIST_HEAD(, Batch) batches;
        unsigned n_batches;
        size_t batch_limit;
        unsigned refused;    /* in a row */
        uint64_t retry_usec; /* after a refusal */
        uint64_t *gone;      /* ids to detach */
        size_t n_gone, gone_size;
};

void attachments_init(Attachments *as);
/* Detaches all from the client, frees what the user does not own. */
void attachments_deinit(lwsd_client *client);
bool attachments_are_unsent(const lwsd_client *client, uint64_t now);
/* Sends what there is to send, as far as few enough messages are on their way. */
void attachments_flush(lwsd_client *client, uint64_t now);
void attachments_lost(lwsd_client *client);
/* A signal of lwsd: Attached, Left, Expired. */
void attachments_signal(lwsd_client *client, sd_bus_message *m);
/* The machine is in `state`. */
void attachments_note_state(lwsd_client *client, lws_system_states_t state);
/* Attaches those anew of which something else was told than the state that is known says. */
void attachments_repair(lwsd_client *client);

/* -- hold.c ------------------------------------------------------------------------------------ */
struct lwsd_hold {
        Due due;
        lwsd_client *client;
        TAILQ_ENTRY(lwsd_hold) link;
        lws_system_states_t state;
        char *who, *why;
        lwsd_hold_cb_t cb;
        void *opaque;
        sd_bus_slot *call;
        int fd;
        enum { HOLD_UNSENT, HOLD_ASKED, HOLD_TAKEN, HOLD_REFUSED } phase;
        bool was_taken;
        bool tell_lost; /* before what `result` says */
        bool tell;
        int result;
        bool busy, dead, polled;
};
TAILQ_HEAD(HoldList, lwsd_hold);

void holds_deinit(lwsd_client *client);
bool holds_are_unsent(const lwsd_client *client);
void holds_flush(lwsd_client *client);
/* The connection is gone: what was asked is asked again, what is taken stays. */
void holds_lost(lwsd_client *client);
/* Another run of lwsd answered: does it still know of our holds? */
void holds_verify(lwsd_client *client);
/* The descriptor of a hold woke the loop: the other end is closed. */
void holds_check(lwsd_client *client);

/* -- query.c ----------------------------------------------------------------------------------- */
struct lwsd_query {
        Due due;
        lwsd_client *client;
        TAILQ_ENTRY(lwsd_query) link;
        char *name;
        bool records;
        int family;
        uint16_t type;
        lwsd_query_cb_t cb;
        void *opaque;
        sd_bus_slot *call;
        sd_bus_message *reply; /* owns what the answer points to */
        lwsd_answer answer;
        lwsd_address *addresses;
        lwsd_record *record_list;
        char *text;
        uint64_t deadline;
        enum { QUERY_UNSENT, QUERY_ASKED, QUERY_DONE } phase;
        bool owned, busy, dead;
};
TAILQ_HEAD(QueryList, lwsd_query);

void queries_deinit(lwsd_client *client);
bool queries_are_unsent(const lwsd_client *client);
uint64_t queries_deadline(const lwsd_client *client);
void queries_flush(lwsd_client *client);
void queries_lost(lwsd_client *client);
/* Ends those whose time is over. */
void queries_expire(lwsd_client *client, uint64_t now);

/* -- client.c ---------------------------------------------------------------------------------- */
struct lwsd_client {
        unsigned n_ref, busy;
        bool processing, closed;
        pid_t pid;
        int epoll_fd, timer_fd;
        uint64_t armed_usec; /* what the timerfd is set to, NEVER: to nothing */

        Connection connection;
        Attachments attachments;
        struct HoldList holds;
        struct QueryList queries;
        unsigned queries_asked;
        struct DueList due;

        sd_event_source *event_source;
        bool prepared; /* the loop calls lwsd_client_prepare() */
        lwsd_client_detach_cb_t detach;
        void *detach_opaque;

        lwsd_client_status_cb_t status_cb;
        void *status_opaque;
        Due status_due;
        bool told_connected;
        int refused_error;
        char refused_text[256]; /* "": none */
};

/* 0, or why a call of the user cannot be served: -EINVAL, -ECHILD, -ESTALE. */
int client_check(const lwsd_client *client);
uint64_t client_now(void);
/* Puts a call to the user on the list; once is enough. */
void client_due(lwsd_client *client, Due *due);
void client_not_due(lwsd_client *client, Due *due);
/* Something is to be sent: makes the loop come by. */
void client_kick(lwsd_client *client);
/* Tells the user of a refusal, in words. */
void client_refused(lwsd_client *client, int error, const char *text);
/* The errno of a D-Bus error of lwsd. */
int client_errno(const sd_bus_error *error);
bool state_is_attachable(lws_system_states_t state);

static inline void freep(void *p)
{
        free(*(void **) p);
}

static inline void message_unrefp(sd_bus_message **m)
{
        sd_bus_message_unref(*m);
}
