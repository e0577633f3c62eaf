/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The registration stage with Provider=est (RFC 7030): a key that is made once and kept, a
 * certificate for it that is enrolled, stored and enrolled again in time, and a hold of REGISTERED
 * while there is none. The key is on disk before anything is sent, so that however often power
 * fails, the server sees one and the same identity.
 */
#include "helper/fetch.h"

typedef struct Registration Registration;
typedef struct RegistrationWatch RegistrationWatch;
struct RegistrationWatch {
        List link;
        void (*changed)(RegistrationWatch *watch);
};

int registration_new(
        Registration **ret, struct lws_context *cx, Fetcher *fetcher, const Settings *settings);
Registration *registration_free(Registration *registration);
DEFINE_CLEANUP(Registration, registration_free)

void registration_watch_link(Registration *registration, RegistrationWatch *watch);
void registration_watch_unlink(RegistrationWatch *watch);
/* PEM of the key and of the certificate in force with its chain; NULL while there is none. */
const char *registration_key(const Registration *registration);
const char *registration_certificate(const Registration *registration);
