/* SPDX-License-Identifier: MIT */
/* lwsd: parse the arguments, set up, run. */
#include "daemon/config.h"
#include "daemon/journal.h"
#include "daemon/manager.h"
#include "util/fd.h"
#include "util/log.h"
#include <config.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* EX_CONFIG of sysexits.h, which systemd knows too */
#define EXIT_CONFIG 78
#define EXIT_USAGE  2

static void help(void)
{
        puts("lwsd [OPTIONS]\n"
             "\n"
             "Takes a machine from \"the kernel is up\" to \"operational\", and tells who asks.\n"
             "\n"
             "  --config=FILE          read this file alone, not /etc/lwsd/lwsd.conf and drop-ins\n"
             "  --check-config         say whether the configuration can be used, and exit\n"
             "  --runtime-dir=DIR      instead of /run/lwsd\n"
             "  --state-dir=DIR        instead of /var/lib/lwsd\n"
             "  --private-socket=PATH  instead of /run/lwsd/private\n"
             "  --no-bus               do not connect to the system bus\n"
             "  --version              print the version, and exit\n"
             "  --help                 print this, and exit\n"
             "\n"
             "See lwsd(8), lwsd.conf(5), org.lwsd1(5).");
}

/* Positive: go on; else the exit status, negated. */
static int parse_arguments(int argc, char **argv, ManagerOptions *options, bool *ret_check)
{
        enum { CONFIG = 256, CHECK_CONFIG, RUNTIME_DIR, STATE_DIR, SOCKET, NO_BUS, VERSION, HELP };
        static const struct option table[] = {
                { "config", required_argument, NULL, CONFIG },
                { "check-config", no_argument, NULL, CHECK_CONFIG },
                { "runtime-dir", required_argument, NULL, RUNTIME_DIR },
                { "state-dir", required_argument, NULL, STATE_DIR },
                { "private-socket", required_argument, NULL, SOCKET },
                { "no-bus", no_argument, NULL, NO_BUS },
                { "version", no_argument, NULL, VERSION },
                { "help", no_argument, NULL, HELP },
                { NULL, 0, NULL, 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", table, NULL)) >= 0)
                switch (c) {
                case CONFIG:
                        options->config.file = optarg;
                        break;
                case CHECK_CONFIG:
                        *ret_check = true;
                        break;
                case RUNTIME_DIR:
                        options->runtime_dir = optarg;
                        break;
                case STATE_DIR:
                        options->state_dir = optarg;
                        break;
                case SOCKET:
                        options->private_socket = optarg;
                        break;
                case NO_BUS:
                        options->no_bus = true;
                        break;
                case VERSION:
                        puts("lwsd " PACKAGE_VERSION);
                        return 0;
                case 'h':
                case HELP:
                        help();
                        return 0;
                default:
                        return -EXIT_USAGE;
                }
        if (optind < argc) {
                fprintf(stderr, "lwsd: unexpected argument \"%s\"; see lwsd --help\n",
                        argv[optind]);
                return -EXIT_USAGE;
        }
        return 1;
}

/* A socket goes where its directory goes unless it is named. */
static const char *default_socket(const ManagerOptions *options, char *buf, size_t size)
{
        if (options->private_socket)
                return options->private_socket;
        snprintf(buf, size, "%s/private", options->runtime_dir);
        return buf;
}

/* A shell's 1024, meant for select(), is less than the connections of one user may need. */
static void raise_file_limit(void)
{
        struct rlimit files;

        if (getrlimit(RLIMIT_NOFILE, &files) < 0)
                return;
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
        ManagerOptions options = { .runtime_dir = "/run/lwsd", .state_dir = "/var/lib/lwsd" };
        _cleanup_(manager_freep) Manager *manager = NULL;
        char error[CONFIG_ERROR_SIZE] = "", socket_path[4096];
        Settings *settings = NULL;
        bool check = false;
        int r;

        fd_fill_standard();
        r = parse_arguments(argc, argv, &options, &check);
        if (r <= 0)
                return -r;
        journal_init();
        raise_file_limit();
        options.private_socket = default_socket(&options, socket_path, sizeof(socket_path));
        r = config_load(&settings, &options.config, error);
        if (r < 0) {
                log_error("%s", error);
                return EXIT_CONFIG;
        }
        if (check) {
                settings_free(settings);
                return 0;
        }
        r = manager_new(&manager, &options, settings);
        if (r >= 0)
                r = manager_run(manager);
        else
                log_error("lwsd cannot start: %s", strerror(-r));
        return r < 0 ? 1 : 0;
}
