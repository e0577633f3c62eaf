/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A network of its own for a test program, and real servers in it. Nothing of it outlives the
 * program: the namespaces go with their last process, and servers die with their parent.
 *
 *      r = netns_private();
 *      if (r < 0)
 *              return TEST_SKIP;                  (says why on stderr)
 *      netns_sh("ip link add a type veth peer name b; ip link set a up; ip link set b up");
 */
#include <sys/types.h>

/* what meson takes for "skipped" */
#define TEST_SKIP 77

/* Moves the process into new network and mount namespaces (and a user namespace, unless root)
 * with `lo` up and an empty /run of its own, so that the names of `ip netns add` are its own too.
 * 0, or -errno after a line on stderr. Call it before any thread starts. */
int netns_private(void);

/* Runs lines of sh with -e; 0, or -EIO after the failing command was shown. */
int netns_sh(const char *script);

/* Enters the namespace that `ip netns add NAME` made; with NULL, the first one again. */
int netns_switch(const char *name);

typedef struct Server Server;
struct Server {
        pid_t pid;
        int output; /* what it writes, after the line that said it was ready */
};

#define SERVER_NULL                                                                                \
        {                                                                                          \
                .output = -1                                                                       \
        }

/* Starts a program (in namespace `netns` unless NULL) and waits up to 10 s for a line of its
 * output that contains `ready` (NULL: does not wait). 0, or -errno with its output on stderr. */
int server_start(Server *s, const char *netns, const char *ready, const char *const argv[]);
/* SIGTERM, then waits; harmless on one that is not running. Returns the wait status. */
int server_stop(Server *s);
