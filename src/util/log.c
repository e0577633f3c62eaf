/* SPDX-License-Identifier: MIT */
#include "util/log.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static void stderr_sink(int severity, const char *message, const LogField *fields)
{
        (void) severity;
        (void) fields;
        fprintf(stderr, "%s\n", message);
}

static LogSink log_sink = stderr_sink;
static _Atomic int log_max = LOG_SEV_INFO;

void log_set_sink(LogSink sink)
{
        log_sink = sink ? sink : stderr_sink;
}

void log_set_max_severity(int severity)
{
        atomic_store_explicit(&log_max, severity, memory_order_relaxed);
}

int log_get_max_severity(void)
{
        return atomic_load_explicit(&log_max, memory_order_relaxed);
}

/* What came from the network must not forge lines or drive a terminal. */
static void make_printable(char *s)
{
        for (; *s; s++)
                if ((unsigned char) *s < 0x20 || *s == 0x7f)
                        *s = '?';
}

void log_full(int severity, const LogField *fields, const char *fmt, ...)
{
        char message[1024];
        int saved = errno;
        va_list ap;

        if (severity > log_get_max_severity())
                return;
        va_start(ap, fmt);
        vsnprintf(message, sizeof(message), fmt, ap);
        va_end(ap);
        make_printable(message);
        log_sink(severity, message, fields);
        errno = saved;
}
