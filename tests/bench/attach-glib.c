/* SPDX-License-Identifier: MIT */
/* GLib's own way: a source for each call. */
#include "attach.h"
#include <glib.h>

static GMainContext *context;

typedef struct Job Job;
struct Job {
        BenchFn *fn;
        void *arg;
};

static gboolean on_source(gpointer data)
{
        Job *job = data;

        job->fn(job->arg);
        return G_SOURCE_REMOVE;
}

static bool glib_open(void)
{
        context = g_main_context_new();
        return context;
}

static void glib_run(volatile bool *stop)
{
        while (!*stop)
                g_main_context_iteration(context, TRUE);
}

static void glib_post(BenchFn *fn, void *arg)
{
        GSource *source = g_idle_source_new();
        Job *job = g_new(Job, 1);

        *job = (Job){ fn, arg };
        g_source_set_priority(source, G_PRIORITY_DEFAULT);
        g_source_set_callback(source, on_source, job, g_free);
        g_source_attach(source, context);
        g_source_unref(source);
}

const Peer peer = { .name = "glib", .open = glib_open, .run = glib_run, .post = glib_post };
