/* SPDX-License-Identifier: MIT */
#include "helper/spawn.h"
#include "util/fd.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the grandchild, after fork: async-signal-safe calls only. */
static void become(const char *program, const char *argument, int fd) __attribute__((noreturn));
static void become(const char *program, const char *argument, int fd)
{
        char *const argv[] = { (char *) program, (char *) argument, NULL };
        char *const envp[] = { (char *) "PATH=/usr/bin:/bin", NULL };
        sigset_t none;

        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        if (dup2(fd, STDIN_FILENO) >= 0)
                (void) execve(program, argv, envp);
        _exit(127);
}

/* Two forks, so that init reaps what we start and no SIGCHLD handler of the caller's gets in the
 * way. */
int spawn_with_socket(const char *program, const char *argument)
{
        _cleanup_fd_ int ours = -EBADF, theirs = -EBADF;
        int pair[2];
        pid_t pid;

        if (access(program, X_OK) < 0)
                return -errno;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        if (fcntl(ours, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                pid = fork();
                if (pid == 0)
                        become(program, argument, theirs);
                _exit(pid < 0 ? 1 : 0);
        }
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return fd_take(&ours);
}
