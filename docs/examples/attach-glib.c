/* SPDX-License-Identifier: MIT */
/* Waits for "operational" on a GLib main loop.
 *
 *   cc attach-glib.c $(pkg-config --cflags --libs lwsd-client glib-2.0)
 */
#include <glib-unix.h>
#include <glib.h>
#include <lwsd/lwsd-client.h>
#include <stdio.h>

static void on_operational(lwsd_attachment *attachment, void *opaque)
{
        puts("operational");
        g_main_loop_quit(opaque);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer opaque)
{
        return lwsd_client_process(opaque) < 0 ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

int main(void)
{
        GMainLoop *loop = g_main_loop_new(NULL, FALSE);
        lwsd_client *client = NULL;
        guint source;

        if (lwsd_client_new(&client) < 0 ||
                lwsd_client_attach(client, NULL, LWS_SYSTATE_OPERATIONAL, on_operational, loop) < 0)
                return 1;
        source = g_unix_fd_add(lwsd_client_get_fd(client), G_IO_IN, on_readable, client);
        g_main_loop_run(loop);
        g_source_remove(source);
        lwsd_client_unref(client);
        g_main_loop_unref(loop);
        return 0;
}
