/* SPDX-License-Identifier: MIT */
/*
 * Simulated weeks of every kind, ours beside chronyd's, along the same path of the oscillator: how
 * far off the clock was from the second hour on, or in the last minute of a beginning.
 * Usage: time-weeks CHRONYD CHRONYD-WORLD.so SEED...  WEEK= in the environment: only that one, from
 * 0.
 */
#include "lib/ntp-sim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Result Result;
struct Result {
        double rms, worst;
        unsigned steps;
};

static Result run_ours(const Week *week, uint64_t seed)
{
        Sim sim = sim_init(seed, week->servers);
        Result r;

        sim.world = week_begin(week, seed);
        sim_start(&sim);
        sim_run(&sim, week_sec(week));
        r = (Result){ world_rms_late(&sim.world), sim.world.worst_late, (unsigned) sim.steps };
        ntp_client_free(sim.client);
        return r;
}

static void exec_chronyd(const char *chronyd, int n_servers, const char *folder)
{
        char servers[WORLD_SERVERS_MAX][48], pidfile[96];
        const char *args[24 + WORLD_SERVERS_MAX] = { chronyd, "-d", "-U", "-u", "root", "-L", "3" };
        size_t n = 7;

        snprintf(pidfile, sizeof(pidfile), "pidfile %s/pid", folder);
        args[n++] = "cmdport 0";
        args[n++] = "bindcmdaddress /";
        args[n++] = "clockprecision 1e-7";
        args[n++] = pidfile;
        for (int i = 0; i < n_servers; i++) {
                snprintf(servers[i], sizeof(servers[i]), "server 10.77.0.%d iburst", i + 1);
                args[n++] = servers[i];
        }
        execv(chronyd, (char *const *) args);
        _exit(127);
}

static int run_chronyd(
        const char *chronyd, const char *preload, size_t week, uint64_t seed, Result *ret)
{
        char folder[] = "/tmp/lwsd-weeks-XXXXXX", path[64], text[32];
        int status, fields = 0;
        FILE *f;
        pid_t pid;

        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof(path), "%s/result", folder);
        pid = fork();
        if (pid == 0) {
                snprintf(text, sizeof(text), "%zu", week);
                setenv("WORLD_WEEK", text, 1);
                snprintf(text, sizeof(text), "%llu", (unsigned long long) seed);
                setenv("WORLD_SEED", text, 1);
                setenv("WORLD_RESULT", path, 1);
                setenv("LD_PRELOAD", preload, 1);
                exec_chronyd(chronyd, weeks[week].servers, folder);
        }
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return -1;
        f = fopen(path, "r");
        if (f) {
                fields = fscanf(f, "%lf %lf %u", &ret->rms, &ret->worst, &ret->steps);
                fclose(f);
        }
        unlink(path);
        snprintf(path, sizeof(path), "%s/pid", folder);
        unlink(path);
        rmdir(folder);
        return fields == 3 ? 0 : -1;
}

int main(int argc, char *argv[])
{
        const char *only = getenv("WEEK");

        if (argc < 4) {
                fprintf(stderr, "usage: %s CHRONYD CHRONYD-WORLD.so SEED...\n", argv[0]);
                return 2;
        }
        printf("a week, us                        lwsd rms    worst  chronyd rms    worst   rms "
               "ratio\n");
        for (size_t i = only ? strtoul(only, NULL, 0) : 0; i < WEEKS; i++) {
                Result ours = { 0 }, theirs = { 0 };
                int n = argc - 3;

                for (int k = 3; k < argc; k++) {
                        uint64_t seed = strtoull(argv[k], NULL, 0);
                        Result a = run_ours(&weeks[i], seed), b;

                        if (run_chronyd(argv[1], argv[2], i, seed, &b) < 0) {
                                fprintf(stderr, "%s did not get through the week\n", argv[1]);
                                return 1;
                        }
                        ours.rms += a.rms / n;
                        ours.worst = fmax(ours.worst, a.worst);
                        theirs.rms += b.rms / n;
                        theirs.worst = fmax(theirs.worst, b.worst);
                }
                printf("%-31s %10.1f %8.0f   %10.1f %8.0f    %8.3f\n", weeks[i].name,
                        ours.rms * 1e6, ours.worst * 1e6, theirs.rms * 1e6, theirs.worst * 1e6,
                        ours.rms / theirs.rms);
                fflush(stdout);
                if (only)
                        break;
        }
        return 0;
}
