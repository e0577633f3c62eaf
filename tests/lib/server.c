/* SPDX-License-Identifier: MIT */
#include "lib/netns.h"
#include "util/clock.h"
#include "util/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_USEC (10 * USEC_PER_SEC)

static _Noreturn void server_exec(const char *netns, int output, const char *const argv[])
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (netns && netns_switch(netns) < 0)
                _exit(126);
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        execvp(argv[0], (char *const *) argv);
        dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

/* Reads until a line with `ready`; what is read up to there is shown only when it never comes. */
static int wait_ready(int output, const char *ready)
{
        usec_t now = clock_monotonic_usec(), end = now + READY_USEC;
        char log[16384];
        size_t n = 0;

        for (; now < end && n < sizeof(log) - 1; now = clock_monotonic_usec()) {
                struct pollfd p = { .fd = output, .events = POLLIN };
                ssize_t got;

                if (poll(&p, 1, (int) ((end - now) / USEC_PER_MSEC) + 1) < 1)
                        continue;
                got = read(output, log + n, sizeof(log) - 1 - n);
                if (got <= 0)
                        break;
                n += got;
                log[n] = '\0';
                if (strstr(log, ready))
                        return 0;
        }
        fprintf(stderr, "never said \"%s\":\n%.*s\n", ready, (int) n, log);
        return -ETIMEDOUT;
}

int server_start(Server *s, const char *netns, const char *ready, const char *const argv[])
{
        int output[2], r;
        pid_t pid;

        if (pipe2(output, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid < 0) {
                r = -errno;
                fd_close(output[0]);
                fd_close(output[1]);
                return r;
        }
        if (pid == 0)
                server_exec(netns, output[1], argv);
        fd_close(output[1]);
        *s = (Server){ .pid = pid, .output = output[0] };
        if (!ready)
                return 0;
        r = wait_ready(s->output, ready);
        if (r < 0)
                server_stop(s);
        return r;
}

int server_stop(Server *s)
{
        int status = 0;

        if (s->pid > 0) {
                kill(s->pid, SIGTERM);
                waitpid(s->pid, &status, 0);
        }
        fd_close(s->output);
        *s = (Server) SERVER_NULL;
        return status;
}
