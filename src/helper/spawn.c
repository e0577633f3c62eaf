/* SPDX-License-Identifier: MIT */
#include "helper/spawn.h"
#include "util/fd.h"
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENVIRONMENT_MAX = 16 };

/* What OpenSSL and its providers read; nothing else of ours is the child's business. */
static void choose_environment(char *envp[static ENVIRONMENT_MAX + 1])
{
        static const char *const kept[] = { "OPENSSL_", "TPM2OPENSSL_", "PKCS11_" };
        size_t n = 0;

        envp[n++] = (char *) "PATH=/usr/bin:/bin";
        for (char **e = environ; e && *e && n < ENVIRONMENT_MAX; e++)
                for (size_t i = 0; i < ELEMENTSOF(kept); i++)
                        if (strncmp(*e, kept[i], strlen(kept[i])) == 0) {
                                envp[n++] = *e;
                                break;
                        }
        envp[n] = NULL;
}

/* In the grandchild, after fork: async-signal-safe calls only. */
static void become(const char *program, const char *argument, char **envp, int fd)
        __attribute__((noreturn));
static void become(const char *program, const char *argument, char **envp, int fd)
{
        char *const argv[] = { (char *) program, (char *) argument, NULL };
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
        char *envp[ENVIRONMENT_MAX + 1];
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
        choose_environment(envp);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                pid = fork();
                if (pid == 0)
                        become(program, argument, envp, theirs);
                _exit(pid < 0 ? 1 : 0);
        }
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        return fd_take(&ours);
}
