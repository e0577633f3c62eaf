/* SPDX-License-Identifier: MIT */
#pragma once
/* lwsctl: one table of commands (main.c), each a function of the context below. */
#include "util/error.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_TIMEOUT = 3 };

/* How long to wait for lwsd to be there. */
#define CONNECT_TIMEOUT_USEC UINT64_C(5000000)

typedef struct Ctl Ctl;
struct Ctl {
        const char *socket; /* NULL: the usual ones, then the bus */
        const char *who, *why, *state_dir;
        uint64_t timeout_usec; /* UINT64_MAX: none */
        bool json, trace;
        bool terminal;    /* stdout is one */
        char **arguments; /* of the command, NULL at the end */
        int n_arguments;
        sd_bus *bus;
        const char *destination; /* NULL on the private socket */
};

#define _cleanup_json_ _cleanup_(json_decrefp)

/* Says it on stderr and returns `status`. */
int complain(int status, const char *fmt, ...) _printf_(2, 3);

/* -- bus.c ---------------------------------------------------------------------------------------
 * Each says on stderr what failed. */
/* Connects ctl->bus, waiting for lwsd that long (UINT64_MAX: for ever). 0 or STATUS_FAILED. */
int ctl_connect(Ctl *ctl, uint64_t timeout_usec);
/* The same without waiting and without a word; 0 or negative errno. */
int ctl_try_connect(Ctl *ctl);
void ctl_disconnect(Ctl *ctl);
/* Calls a method with arguments as for sd_bus_message_append(3). 0 and the values of the reply as
 * an array (`ret` may be NULL), or -errno. */
int ctl_call(Ctl *ctl, json_t **ret, const char *path, const char *interface, const char *member,
        const char *types, ...);
/* All properties of an interface as an object. */
int ctl_get_all(Ctl *ctl, json_t **ret, const char *path, const char *interface);
/* Calls `fn` for each signal of lwsd, from sd_bus_process(). */
int ctl_listen(Ctl *ctl, sd_bus_message_handler_t fn, void *userdata);
/* A D-Bus value as JSON: bytes that are an address become its text, other bytes hex. */
int json_from_message(sd_bus_message *m, json_t **ret);

/* -- output.c ----------------------------------------------------------------------------------*/
typedef void (*FormatFn)(const json_t *value, char *buf, size_t size);
typedef struct Column Column;
struct Column {
        const char *key, *title;
        FormatFn format; /* NULL: as it is */
};
/* An array of objects as a table on a terminal (where that is too narrow, a block for each), as
 * lines with tabs in a pipe, or as JSON. */
int output_rows(const Ctl *ctl, json_t *rows, const Column *columns, size_t n);
/* One object, a line for each column that it has. */
int output_fields(const Ctl *ctl, json_t *object, const Column *columns, size_t n);
int output_json(const Ctl *ctl, const json_t *json);
/* "name value" pairs out of tuples: each array of `tuples` becomes an object. */
json_t *rows_from_tuples(const json_t *tuples, const char *const *names, size_t n);

void format_plain(const json_t *value, char *buf, size_t size);
void format_realtime(const json_t *value, char *buf, size_t size); /* microseconds, 0: never */
void format_uptime(const json_t *value, char *buf, size_t size);   /* since boot */
void format_offset(const json_t *value, char *buf, size_t size);   /* signed microseconds */
void format_user(const json_t *value, char *buf, size_t size);     /* uid */
/* "2min 3s", "1.250s", "800us" */
void format_duration(uint64_t usec, char *buf, size_t size);
const char *color(const Ctl *ctl, const char *sequence);
size_t terminal_width(int fd);
#define COLOR_GREEN "\x1b[32m"
#define COLOR_BOLD  "\x1b[1m"
#define COLOR_OFF   "\x1b[0m"

/* What keeps the machine from its next state, in one line: from the properties of the Manager. */
void describe_waiting(const json_t *manager, char *buf, size_t size);
uint64_t monotonic_now(void);

/* -- commands ----------------------------------------------------------------------------------*/
int command_attachments(Ctl *ctl);
int command_cat_config(Ctl *ctl);
int command_forget(Ctl *ctl);
int command_hold(Ctl *ctl);
int command_holds(Ctl *ctl);
int command_links(Ctl *ctl);
int command_log_level(Ctl *ctl);
int command_monitor(Ctl *ctl);
int command_plain_call(Ctl *ctl); /* reload, synchronize, flush-caches, invalidate-policy */
int command_renew(Ctl *ctl);      /* and release */
int command_resolve(Ctl *ctl);
int command_status(Ctl *ctl);
int command_time(Ctl *ctl);
int command_timeline(Ctl *ctl);
int command_wait(Ctl *ctl);
int command_why(Ctl *ctl);
/* What was typed: "renew". */
const char *ctl_command(const Ctl *ctl);
