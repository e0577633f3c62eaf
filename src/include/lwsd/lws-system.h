/* SPDX-License-Identifier: MIT */
#ifndef LWSD_LWS_SYSTEM_H
#define LWSD_LWS_SYSTEM_H
/*
 * lws-system: the in-process interface, all of it. Names and meaning are those of libwebsockets'
 * lws_system, so that code written for it compiles unchanged on this subset. Such code leans on
 * what libwebsockets.h brings along, hence the system headers here and nowhere else.
 */
#include <lwsd/lws-attach.h>
#include <lwsd/lws-blob.h>
#include <lwsd/lws-context.h>
#include <lwsd/lws-log.h>
#include <lwsd/lws-state.h>
#include <lwsd/lws-states.h>
#include <lwsd/lws-timer.h>
#include <lwsd/lws-wsi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#endif
