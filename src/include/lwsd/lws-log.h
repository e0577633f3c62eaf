/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_LOG_H
#define LWSD_LWS_LOG_H
/*
 * Logging, with libwebsockets' names. One level mask and one emit function for the process; all of
 * it may be used from any thread.
 */
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLL_ERR     (1 << 0)
#define LLL_WARN    (1 << 1)
#define LLL_NOTICE  (1 << 2)
#define LLL_INFO    (1 << 3)
#define LLL_DEBUG   (1 << 4)
#define LLL_PARSER  (1 << 5)
#define LLL_HEADER  (1 << 6)
#define LLL_EXT     (1 << 7)
#define LLL_CLIENT  (1 << 8)
#define LLL_LATENCY (1 << 9)
#define LLL_USER    (1 << 10)
#define LLL_THREAD  (1 << 11)
#define LLL_COUNT   12

/*
 * Chooses what is logged, as LLL_ bits or'ed together; at the start LLL_ERR, LLL_WARN, LLL_NOTICE
 * and LLL_USER. `emit` gets each line, newline included, from the thread that logs; NULL leaves the
 * emit function as it is (stderr at the start). Not while another thread logs.
 */
void lws_set_log_level(int level, void (*emit)(int level, const char *line));

/* Logs at one LLL_ level; the lwsl_ macros below are shorter. A newline at the end is optional. */
void lws_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define lwsl_err(...)     lws_log(LLL_ERR, __VA_ARGS__)
#define lwsl_warn(...)    lws_log(LLL_WARN, __VA_ARGS__)
#define lwsl_notice(...)  lws_log(LLL_NOTICE, __VA_ARGS__)
#define lwsl_info(...)    lws_log(LLL_INFO, __VA_ARGS__)
#define lwsl_debug(...)   lws_log(LLL_DEBUG, __VA_ARGS__)
#define lwsl_parser(...)  lws_log(LLL_PARSER, __VA_ARGS__)
#define lwsl_header(...)  lws_log(LLL_HEADER, __VA_ARGS__)
#define lwsl_ext(...)     lws_log(LLL_EXT, __VA_ARGS__)
#define lwsl_client(...)  lws_log(LLL_CLIENT, __VA_ARGS__)
#define lwsl_latency(...) lws_log(LLL_LATENCY, __VA_ARGS__)
#define lwsl_user(...)    lws_log(LLL_USER, __VA_ARGS__)
#define lwsl_thread(...)  lws_log(LLL_THREAD, __VA_ARGS__)

/* Nonzero when lines of that LLL_ level are logged. */
int lwsl_visible(int level);

/* Logs bytes, 16 to a line: the offset, in hex, and what can be printed of them. */
void lwsl_hexdump_level(int level, const void *buf, size_t len);

#define lwsl_hexdump_err(...)    lwsl_hexdump_level(LLL_ERR, __VA_ARGS__)
#define lwsl_hexdump_warn(...)   lwsl_hexdump_level(LLL_WARN, __VA_ARGS__)
#define lwsl_hexdump_notice(...) lwsl_hexdump_level(LLL_NOTICE, __VA_ARGS__)
#define lwsl_hexdump_info(...)   lwsl_hexdump_level(LLL_INFO, __VA_ARGS__)
#define lwsl_hexdump_debug(...)  lwsl_hexdump_level(LLL_DEBUG, __VA_ARGS__)
#define lwsl_hexdump(...)        lwsl_hexdump_level(LLL_DEBUG, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
