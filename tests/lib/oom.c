/* SPDX-License-Identifier: MIT */
#include "oom.h"
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *s);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

static _Atomic unsigned long left; /* allocations until the one that fails; 0: off */
static atomic_bool failed;
static _Atomic long live;

void oom_fail_at(unsigned long nth)
{
        failed = false;
        left = nth;
}

bool oom_failed(void)
{
        return failed;
}

long oom_live(void)
{
        return live;
}

static bool fails(void)
{
        unsigned long n = left;

        while (n > 0 && !atomic_compare_exchange_weak(&left, &n, n - 1))
                ;
        if (n != 1)
                return false;
        failed = true;
        errno = ENOMEM;
        return true;
}

static void *counted(void *p)
{
        if (p)
                live++;
        return p;
}

void *__wrap_malloc(size_t size)
{
        return fails() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
        return fails() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
        void *p;

        if (fails())
                return NULL;
        p = __real_realloc(old, size);
        return old ? p : counted(p);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
        return fails() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *s)
{
        return fails() ? NULL : counted(__real_strdup(s));
}

void __wrap_free(void *p)
{
        if (p)
                live--;
        __real_free(p);
}
