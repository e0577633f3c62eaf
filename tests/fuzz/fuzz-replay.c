/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without libFuzzer: every file of the corpus, then mutations of them.
 *
 *   fuzz-NAME [--mutations=N | --seconds=S] [--seed=N] FILE|DIRECTORY...
 *
 * The mutations follow from the seed alone. When an input kills the target it is written to
 * crash-SEED-N in the current directory; give that file to the program to run it alone.
 */
#include "fuzz.h"
#include "util/clock.h"
#include "util/fd.h"
#include "util/rng.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INPUT_MAX  (64U * 1024U)
#define CORPUS_MAX 4096U

typedef struct Input Input;
struct Input {
        uint8_t *data;
        size_t size;
};

typedef struct Corpus Corpus;
struct Corpus {
        Input items[CORPUS_MAX];
        size_t n;
};

static struct {
        const uint8_t *data;
        size_t size;
        uint64_t seed, round;
} current; /* for dump(), which runs in a dying process */

static Corpus corpus;

static void dump(void)
{
        char name[64];
        int fd;

        if (!current.data)
                return;
        snprintf(name, sizeof(name), "crash-%" PRIu64 "-%" PRIu64, current.seed, current.round);
        fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0)
                return;
        if (write(fd, current.data, current.size) == (ssize_t) current.size)
                dprintf(STDERR_FILENO, "the input is in %s\n", name);
        close(fd);
        current.data = NULL;
}

static void on_signal(int sig)
{
        dump();
        signal(sig, SIG_DFL);
        raise(sig);
}

/* The sanitizers do not raise a signal when they find something; they call this. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void catch_death(void)
{
        static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM };

        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                signal(signals[i], on_signal);
        if (__sanitizer_set_death_callback)
                __sanitizer_set_death_callback(dump);
}

static void die(const char *what)
{
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static void corpus_add_file(const char *path)
{
        Input *item;
        char *data;
        int r;

        if (corpus.n >= CORPUS_MAX)
                return;
        item = &corpus.items[corpus.n];
        r = file_read(AT_FDCWD, path, INPUT_MAX, &data, &item->size);
        if (r < 0) {
                errno = -r;
                die(path);
        }
        item->data = (uint8_t *) data;
        corpus.n++;
}

static int visible(const struct dirent *d)
{
        return d->d_name[0] != '.';
}

static void corpus_add(const char *path)
{
        struct dirent **names;
        struct stat st;
        char file[4096];
        int n;

        if (stat(path, &st) < 0)
                die(path);
        if (!S_ISDIR(st.st_mode)) {
                corpus_add_file(path);
                return;
        }
        n = scandir(path, &names, visible, alphasort);
        if (n < 0)
                die(path);
        for (int i = 0; i < n; i++) {
                snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
                corpus_add_file(file);
                free(names[i]);
        }
        free(names);
}

/* A copy of exactly the input's size, so that a sanitizer sees the first byte read past it. */
static void run(const uint8_t *data, size_t size)
{
        uint8_t *copy = malloc(size ? size : 1);

        if (!copy)
                die("malloc");
        memcpy(copy, data, size);
        current.data = copy;
        current.size = size;
        alarm(30); /* no input may take this long */
        LLVMFuzzerTestOneInput(copy, size);
        alarm(0);
        current.data = NULL;
        free(copy);
}

static void mutate_byte(Rng *rng, uint8_t *p)
{
        static const uint8_t telling[] = { 0, 1, 2, 4, 0x0c, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xfe,
                0xff };

        switch (rng_range(rng, 0, 3)) {
        case 0:
                *p ^= (uint8_t) (1U << rng_range(rng, 0, 7));
                break;
        case 1:
                *p = telling[rng_range(rng, 0, sizeof(telling) - 1)];
                break;
        case 2:
                *p = (uint8_t) (*p + rng_range(rng, 0, 8) - 4);
                break;
        default:
                *p = (uint8_t) rng_u32(rng);
                break;
        }
}

/* Takes a piece of another file of the corpus, inserting it or laying it over what is there. */
static size_t mutate_splice(Rng *rng, uint8_t *buf, size_t size)
{
        const Input *other = &corpus.items[rng_range(rng, 0, corpus.n - 1)];
        size_t at = rng_range(rng, 0, size), from, len;

        if (other->size == 0)
                return size;
        from = rng_range(rng, 0, other->size - 1);
        len = rng_range(rng, 1, other->size - from);
        if (rng_range(rng, 0, 1) == 0) {
                if (size + len > INPUT_MAX)
                        return size;
                memmove(buf + at + len, buf + at, size - at);
                size += len;
        } else if (at + len > INPUT_MAX) {
                return size;
        }
        memcpy(buf + at, other->data + from, len);
        return at + len > size ? at + len : size;
}

static size_t mutate(Rng *rng, uint8_t *buf, size_t size)
{
        size_t at, len;

        switch (rng_range(rng, 0, 5)) {
        case 0: /* cut the end off */
                return rng_range(rng, 0, size);
        case 1: /* take something out */
                if (size == 0)
                        return 0;
                at = rng_range(rng, 0, size - 1);
                len = rng_range(rng, 1, size - at);
                memmove(buf + at, buf + at + len, size - at - len);
                return size - len;
        case 2:
                return mutate_splice(rng, buf, size);
        default:
                if (size > 0)
                        mutate_byte(rng, buf + rng_range(rng, 0, size - 1));
                return size;
        }
}

static void run_mutation(Rng *rng)
{
        static uint8_t buf[INPUT_MAX];
        const Input *base = &corpus.items[rng_range(rng, 0, corpus.n - 1)];
        size_t size = base->size;

        memcpy(buf, base->data, size);
        for (uint64_t n = rng_range(rng, 1, 6); n > 0; n--)
                size = mutate(rng, buf, size);
        run(buf, size);
}

static uint64_t run_mutations(uint64_t seed, uint64_t mutations, uint64_t seconds)
{
        usec_t end = seconds ? clock_monotonic_usec() + seconds * USEC_PER_SEC : 0;
        uint64_t n;

        current.seed = seed;
        for (n = 0; seconds ? clock_monotonic_usec() < end : n < mutations; n++) {
                /* each round has a seed of its own, so that a single one can be looked at */
                Rng rng = rng_seeded(seed + n);

                current.round = n;
                run_mutation(&rng);
        }
        return n;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "mutations", required_argument, NULL, 'm' },
                { "seconds", required_argument, NULL, 's' },
                { "seed", required_argument, NULL, 'r' },
                {},
        };
        uint64_t mutations = 0, seconds = 0, seed = 1;
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c == 'm')
                        mutations = strtoull(optarg, NULL, 0);
                else if (c == 's')
                        seconds = strtoull(optarg, NULL, 0);
                else if (c == 'r')
                        seed = strtoull(optarg, NULL, 0);
                else
                        return 2;
        }
        catch_death();
        for (int i = optind; i < argc; i++)
                corpus_add(argv[i]);
        if (corpus.n == 0) {
                fprintf(stderr, "no input: name a file or a folder with some\n");
                return 2;
        }
        for (size_t i = 0; i < corpus.n; i++) {
                current.round = i;
                run(corpus.items[i].data, corpus.items[i].size);
        }
        mutations = run_mutations(seed, mutations, seconds);
        printf("%zu files, %" PRIu64 " mutations from seed %" PRIu64 "\n", corpus.n, mutations,
                seed);
        for (size_t i = 0; i < corpus.n; i++)
                free(corpus.items[i].data);
        return EXIT_SUCCESS;
}
