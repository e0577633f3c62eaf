/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The registration stage. With Provider=est (RFC 7030): a key that is made once and kept, or that
 * an OpenSSL provider holds, a certificate for it that is enrolled, stored and enrolled again in
 * time, and a hold of REGISTERED while there is none. The key is on disk before anything is sent,
 * so that however often power fails, the server sees one and the same identity. With Provider=hold
 * another process hands both over, and they are kept in memory only.
 */
#include "helper/upper.h"

typedef struct Registration Registration;

int registration_new(Registration **ret, Upper *upper);
Registration *registration_free(Registration *registration);
DEFINE_CLEANUP(Registration, registration_free)

/* Puts the certificate in force and its key into a request, where there is one. */
void registration_show(const Registration *registration, FetchRequest *request);
/* There is a certificate, or a provider of its own came to an end without one. */
bool registration_is_done(const Registration *registration);
/* Another number for another certificate. */
unsigned registration_serial(const Registration *registration);
/* With Provider=hold: PEM of a key and of its certificate with the chain, in this order or the
 * other; `size` 0 takes back what was given. -EOPNOTSUPP with another provider, -EBADMSG,
 * -EKEYREJECTED: the certificate is for another key. */
int registration_put(Registration *registration, const char *pem, size_t size);
