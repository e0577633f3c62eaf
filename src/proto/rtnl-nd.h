/* SPDX-License-Identifier: MIT */
#pragma once
/* The options of router advertisements that the kernel hands on: RFC 8106, RFC 8910. */
#include "proto/rtnl-message.h"
#include "util/buf.h"

/* The first option of a kind we know, checked; everything but the ifindex is filled in. False when
 * there is none, or it is malformed. */
bool rtnl_nd_parse(Reader *options, RtnlNd *ret);
