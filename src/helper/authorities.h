/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What the EST server says its own authorities are (RFC 7030 section 4.1), asked beside an
 * enrolment, and before time is true, when the dates of the server's certificates are judged
 * afterwards. Stored, for the server may have moved on to one of them.
 */
#include "helper/upper.h"

typedef struct Authorities Authorities;

int authorities_new(Authorities **ret, Upper *upper);
Authorities *authorities_free(Authorities *authorities);
DEFINE_CLEANUP(Authorities, authorities_free)

/* Ask again now. `awaited`: nothing else stands in the way of REGISTERED, so that it waits. */
void authorities_refresh(Authorities *authorities, bool awaited);
/* The server was asked, and may be believed. Tells the upper watches when that becomes true. */
bool authorities_are_fresh(const Authorities *authorities);
/* PEM; NULL: the server names none. */
const char *authorities_pem(const Authorities *authorities);
/* CertificateAuthority= and these, as FetchRequest.ca_pem; NULL: as it is configured. */
const char *authorities_trusted(const Authorities *authorities);
