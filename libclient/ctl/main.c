/* SPDX-License-Identifier: MIT */
#include "config.h"
#include "ctl/ctl.h"
#include "util/fd.h"
#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* -- The commands ----------------------------------------------------------------------------- */

enum {
        TAKES_TIMEOUT = 1 << 0,
        TAKES_WHO = 1 << 1,
        TAKES_TRACE = 1 << 2,
        TAKES_STATE_DIR = 1 << 3,
        NEEDS_LWSD = 1 << 4,
};

typedef struct Command Command;
struct Command {
        const char *name, *arguments;
        int min, max; /* -1: any number */
        unsigned flags;
        int (*run)(Ctl *ctl);
        const char *help;
};

static const Command commands[] = {
        { "status", "", 0, 0, NEEDS_LWSD, command_status,
                "State of the machine, links, names, time" },
        { "why", "", 0, 0, NEEDS_LWSD, command_why, "What keeps the next state away, in one line" },
        { "wait", "STATE", 1, 1, TAKES_TIMEOUT, command_wait, "Wait until a state is reached" },
        { "monitor", "", 0, 0, NEEDS_LWSD, command_monitor, "Print changes as they happen" },
        { "links", "", 0, 0, NEEDS_LWSD, command_links, "Network links and their leases" },
        { "renew", "IF", 1, 1, NEEDS_LWSD, command_renew, "Renew the lease of a link" },
        { "release", "IF", 1, 1, NEEDS_LWSD, command_renew, "Give the lease of a link back" },
        { "resolve", "NAME [TYPE]", 1, 2, NEEDS_LWSD | TAKES_TRACE, command_resolve,
                "Look up addresses, or records of a type" },
        { "time", "", 0, 0, NEEDS_LWSD, command_time, "The clock and where its time comes from" },
        { "timeline", "", 0, 0, NEEDS_LWSD, command_timeline, "When each state was entered" },
        { "attachments", "", 0, 0, NEEDS_LWSD, command_attachments, "Who waits for which state" },
        { "holds", "", 0, 0, NEEDS_LWSD, command_holds, "Who keeps which state away" },
        { "hold", "STATE -- COMMAND...", 2, -1, TAKES_WHO, command_hold,
                "Keep a state away while a command runs" },
        { "cat-config", "", 0, 0, 0, command_cat_config, "Print the configuration files" },
        { "forget", "", 0, 0, TAKES_STATE_DIR, command_forget,
                "Remove stored leases, clock, keys and tokens" },
        { "log-level", "[LEVEL]", 0, 1, NEEDS_LWSD, command_log_level,
                "Show or set the log level" },
        { "reload", "", 0, 0, NEEDS_LWSD, command_plain_call, "Read the configuration again" },
        { "synchronize", "", 0, 0, NEEDS_LWSD, command_plain_call, "Ask the time servers now" },
        { "flush-caches", "", 0, 0, NEEDS_LWSD, command_plain_call,
                "Forget what names resolved to" },
        { "invalidate-policy", "", 0, 0, NEEDS_LWSD, command_plain_call, "Fetch the policy again" },
};

static const Command *command_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(commands); i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

static int print_help(void)
{
        printf("lwsctl [OPTION...] COMMAND\n\nAsks lwsd about the state of this machine.\n\n");
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                char usage[64];

                snprintf(usage, sizeof usage, "%s %s", commands[i].name, commands[i].arguments);
                printf("  %-26s %s\n", usage, commands[i].help);
        }
        printf("\n"
               "  --socket=PATH      lwsd's private socket (also LWSD_SOCKET in the environment)\n"
               "  --json             Print JSON\n"
               "  --timeout=S        wait: give up after that many seconds, or 500ms, 2min, ...\n"
               "  --who=, --why=     hold: shown to those who ask what is being waited for\n"
               "  --trace            resolve: show who answered, over what and how fast\n"
               "  --state-dir=DIR    forget: where lwsd keeps its state\n"
               "  -h, --help         Show this help\n"
               "  --version          Show the version\n\n"
               "Exit status: 0 done, 1 failed, 2 bad usage, 3 timed out.\n"
               "See lwsctl(1).\n");
        return STATUS_DONE;
}

/* -- Options ---------------------------------------------------------------------------------- */

/* "5", "1.5", "500ms", "2min" in microseconds, or -EINVAL. */
static int parse_seconds(const char *s, uint64_t *ret)
{
        static const struct {
                const char *name;
                double usec;
        } units[] = { { "", 1e6 }, { "s", 1e6 }, { "sec", 1e6 }, { "ms", 1e3 }, { "us", 1 },
                { "m", 60e6 }, { "min", 60e6 }, { "h", 3600e6 }, { "d", 86400e6 } };
        char *end;
        double v;

        if (strcmp(s, "infinity") == 0) {
                *ret = UINT64_MAX;
                return 0;
        }
        v = strtod(s, &end);
        if (end == s || !isfinite(v) || v < 0)
                return -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (strcmp(end, units[i].name) == 0 && v * units[i].usec < 1e18) {
                        *ret = (uint64_t) (v * units[i].usec);
                        return 0;
                }
        return -EINVAL;
}

enum {
        OPTION_SOCKET = 256,
        OPTION_JSON,
        OPTION_TIMEOUT,
        OPTION_WHO,
        OPTION_WHY,
        OPTION_TRACE,
        OPTION_STATE_DIR,
        OPTION_VERSION,
};

static const struct option options[] = {
        { "socket", required_argument, NULL, OPTION_SOCKET },
        { "json", no_argument, NULL, OPTION_JSON },
        { "timeout", required_argument, NULL, OPTION_TIMEOUT },
        { "who", required_argument, NULL, OPTION_WHO },
        { "why", required_argument, NULL, OPTION_WHY },
        { "trace", no_argument, NULL, OPTION_TRACE },
        { "state-dir", required_argument, NULL, OPTION_STATE_DIR },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
};

/* -1: go on; otherwise the exit status. `given` collects what only some commands take. */
static int parse_option(Ctl *ctl, int option, unsigned *given)
{
        switch (option) {
        case OPTION_SOCKET:
                ctl->socket = optarg;
                return optarg[0] ? -1 : complain(STATUS_USAGE, "--socket= needs a path");
        case OPTION_JSON:
                ctl->json = true;
                return -1;
        case OPTION_TIMEOUT:
                *given |= TAKES_TIMEOUT;
                return parse_seconds(optarg, &ctl->timeout_usec) < 0
                               ? complain(STATUS_USAGE, "--timeout=%s is no time span", optarg)
                               : -1;
        case OPTION_WHO:
                *given |= TAKES_WHO;
                if (!*optarg)
                        return complain(STATUS_USAGE, "--who= needs a name");
                ctl->who = optarg;
                return -1;
        case OPTION_WHY:
                *given |= TAKES_WHO;
                ctl->why = optarg;
                return -1;
        case OPTION_TRACE:
                *given |= TAKES_TRACE;
                ctl->trace = true;
                return -1;
        case OPTION_STATE_DIR:
                *given |= TAKES_STATE_DIR;
                ctl->state_dir = optarg;
                return -1;
        case OPTION_VERSION:
                printf("lwsctl %s\n", PACKAGE_VERSION);
                return STATUS_DONE;
        case 'h':
                return print_help();
        default: /* getopt has said why */
                return STATUS_USAGE;
        }
}

const char *ctl_command(const Ctl *ctl)
{
        return ctl->arguments[-1];
}

static int run_command(Ctl *ctl, const char *name, unsigned given)
{
        const Command *command = command_find(name);
        int status;

        if (!command)
                return complain(STATUS_USAGE, "unknown command %s; lwsctl --help lists them", name);
        if (ctl->n_arguments < command->min ||
                (command->max >= 0 && ctl->n_arguments > command->max))
                return complain(STATUS_USAGE, "usage: lwsctl %s%s%s", name,
                        command->arguments[0] ? " " : "", command->arguments);
        if (given & ~command->flags)
                return complain(STATUS_USAGE, "%s does not take that option", name);
        if (command->flags & NEEDS_LWSD && ctl_connect(ctl, CONNECT_TIMEOUT_USEC) != 0)
                return STATUS_FAILED;
        status = command->run(ctl);
        ctl_disconnect(ctl);
        return status < 0 ? STATUS_FAILED : status;
}

int main(int argc, char **argv)
{
        const char *socket = secure_getenv("LWSD_SOCKET");
        Ctl ctl = {
                .socket = socket && socket[0] ? socket : NULL,
                .timeout_usec = UINT64_MAX,
                .terminal = isatty(STDOUT_FILENO),
        };
        unsigned given = 0;
        int option, status;

        fd_fill_standard();
        setlocale(LC_CTYPE, "");
        while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
                status = parse_option(&ctl, option, &given);
                if (status >= 0)
                        return status;
        }
        if (optind >= argc) {
                complain(STATUS_USAGE, "no command; lwsctl --help lists them");
                return STATUS_USAGE;
        }
        ctl.arguments = argv + optind + 1;
        ctl.n_arguments = argc - optind - 1;
        status = run_command(&ctl, argv[optind], given);
        /* A pipe that nobody reads, a full disk: what was to be printed has not been. */
        if (fflush(stdout) != 0 || ferror(stdout))
                return complain(STATUS_FAILED, "cannot write: %s", strerror(errno));
        return status;
}
