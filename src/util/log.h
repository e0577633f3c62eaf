/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Logging. One sink for the process, stderr until the daemon puts the journal in its place. Pure
 * code never logs: it hands out events. An operational fact (a state, a lease, a server, the clock)
 * is one log_event() with structured fields; everything else is log_debug() or an error in words a
 * person can act on.
 */
#include "util/error.h"

enum {
        LOG_SEV_ERR = 3,
        LOG_SEV_WARNING = 4,
        LOG_SEV_NOTICE = 5,
        LOG_SEV_INFO = 6,
        LOG_SEV_DEBUG = 7
};

typedef struct LogField LogField;
struct LogField {
        const char *name; /* "LWSD_LINK"; NULL ends a list */
        const char *value;
};

typedef void (*LogSink)(int severity, const char *message, const LogField *fields);

/* Replaces the sink; NULL brings stderr back. Call before threads start. */
void log_set_sink(LogSink sink);
/* Messages above this severity are not formatted at all. The default is LOG_SEV_INFO. */
void log_set_max_severity(int severity);
int log_get_max_severity(void);

void log_full(int severity, const LogField *fields, const char *fmt, ...) _printf_(3, 4);

#define log_error(...)   log_full(LOG_SEV_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_full(LOG_SEV_WARNING, NULL, __VA_ARGS__)
#define log_notice(...)  log_full(LOG_SEV_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)    log_full(LOG_SEV_INFO, NULL, __VA_ARGS__)
#define log_debug(...)                                                                             \
        do {                                                                                       \
                if (log_get_max_severity() >= LOG_SEV_DEBUG)                                       \
                        log_full(LOG_SEV_DEBUG, NULL, __VA_ARGS__);                                \
        } while (0)

/* log_event(LOG_SEV_INFO, LOG_FIELDS({ "LWSD_LINK", name }), "%s: bound", name); */
#define LOG_FIELDS(...)                                                                            \
        (const LogField[])                                                                         \
        {                                                                                          \
                __VA_ARGS__,                                                                       \
                {                                                                                  \
                        NULL, NULL                                                                 \
                }                                                                                  \
        }
#define log_event(severity, fields, ...) log_full(severity, fields, __VA_ARGS__)
