/* SPDX-License-Identifier: MIT */
/* libwebsockets' logging: a mask of levels in front of the one sink. */
#include "util/log.h"
#include <lwsd/lws-log.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static _Atomic int mask = LLL_ERR | LLL_WARN | LLL_NOTICE | LLL_USER;
static void (*emit)(int level, const char *line);

static int level_of(int severity)
{
        switch (severity) {
        case LOG_SEV_ERR:
                return LLL_ERR;
        case LOG_SEV_WARNING:
                return LLL_WARN;
        case LOG_SEV_NOTICE:
                return LLL_NOTICE;
        case LOG_SEV_INFO:
                return LLL_INFO;
        default:
                return LLL_DEBUG;
        }
}

static void emit_line(int level, const char *message)
{
        char line[1100];

        if (!emit) {
                fprintf(stderr, "%s\n", message);
                return;
        }
        snprintf(line, sizeof(line), "%s\n", message);
        emit(level, line);
}

/* What the library itself logs goes the same way once the program has chosen one. */
static void sink(int severity, const char *message, const LogField *fields)
{
        int level = level_of(severity);

        (void) fields;
        if (atomic_load_explicit(&mask, memory_order_relaxed) & level)
                emit_line(level, message);
}

_public_ void lws_set_log_level(int level, void (*fn)(int level, const char *line))
{
        int severity = LOG_SEV_DEBUG;

        if (fn)
                emit = fn;
        atomic_store_explicit(&mask, level, memory_order_relaxed);
        while (severity > LOG_SEV_ERR && !(level & level_of(severity)))
                severity--;
        log_set_max_severity(severity);
        log_set_sink(sink);
}

_public_ int lwsl_visible(int level)
{
        return (atomic_load_explicit(&mask, memory_order_relaxed) & level) != 0;
}

_public_ void lws_log(int level, const char *format, ...)
{
        char message[1024];
        size_t n;
        va_list ap;

        if (!lwsl_visible(level))
                return;
        va_start(ap, format);
        vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        n = strlen(message);
        if (n > 0 && message[n - 1] == '\n')
                message[n - 1] = '\0';
        emit_line(level, message);
}

_public_ void lwsl_hexdump_level(int level, const void *buf, size_t len)
{
        enum { PER_LINE = 16 };
        const unsigned char *bytes = buf;

        for (size_t at = 0; at < len && lwsl_visible(level); at += PER_LINE) {
                char hex[3 * PER_LINE + 1] = "", text[PER_LINE + 1] = "";

                for (size_t i = 0; i < PER_LINE && at + i < len; i++) {
                        unsigned char c = bytes[at + i];

                        snprintf(hex + 3 * i, 4, " %02X", c);
                        text[i] = c >= ' ' && c < 0x7f ? (char) c : '.';
                }
                lws_log(level, "%04zX:%-*s  %s", at, 3 * PER_LINE, hex, text);
        }
}
