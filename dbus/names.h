/* SPDX-License-Identifier: MIT */
#pragma once
/* The names of the remote interface: org.lwsd1.xml says what they mean. The one header that the
 * daemon and the client library share besides the states. */

#define LWSD_BUS_NAME       "org.lwsd1"
#define LWSD_OBJECT_PATH    "/org/lwsd1"
#define LWSD_LINK_PATH      "/org/lwsd1/link"
#define LWSD_PRIVATE_SOCKET "/run/lwsd/private"
/* What the daemon is called where no bus gives it a name. */
#define LWSD_PEER_SENDER ":1.0"

#define LWSD_INTERFACE_MANAGER  "org.lwsd1.Manager"
#define LWSD_INTERFACE_RESOLVER "org.lwsd1.Resolver"
#define LWSD_INTERFACE_TIME     "org.lwsd1.Time"
#define LWSD_INTERFACE_LINK     "org.lwsd1.Link"

#define LWSD_LOG_CONTROL_PATH      "/org/freedesktop/LogControl1"
#define LWSD_LOG_CONTROL_INTERFACE "org.freedesktop.LogControl1"

/* The most ids that one Attached, Left or Expired carries. */
#define LWSD_IDS_PER_SIGNAL 4096

/* Errors, each with a sentence. Access errors and wrong types are the standard D-Bus ones. */
#define LWSD_ERROR_INVALID_STATE      "org.lwsd1.Error.InvalidState"
#define LWSD_ERROR_NO_SUCH_ATTACHMENT "org.lwsd1.Error.NoSuchAttachment"
#define LWSD_ERROR_QUOTA_EXCEEDED     "org.lwsd1.Error.QuotaExceeded"
#define LWSD_ERROR_NO_SUCH_LINK       "org.lwsd1.Error.NoSuchLink"
#define LWSD_ERROR_NOT_MANAGED        "org.lwsd1.Error.NotManaged"
#define LWSD_ERROR_NOT_AVAILABLE      "org.lwsd1.Error.NotAvailable"
#define LWSD_ERROR_NO_SUCH_TOKEN      "org.lwsd1.Error.NoSuchToken"
#define LWSD_ERROR_BAD_CONFIGURATION  "org.lwsd1.Error.BadConfiguration"
#define LWSD_ERROR_RATE_LIMITED       "org.lwsd1.Error.RateLimited"
#define LWSD_ERROR_TIMEOUT            "org.lwsd1.Error.Timeout"
#define LWSD_ERROR_CANCELLED          "org.lwsd1.Error.Cancelled"
/* of look-ups */
#define LWSD_ERROR_NO_SUCH_NAME   "org.lwsd1.Error.NoSuchName"
#define LWSD_ERROR_NO_SUCH_RECORD "org.lwsd1.Error.NoSuchRecord"
#define LWSD_ERROR_NO_SERVERS     "org.lwsd1.Error.NoServers"
#define LWSD_ERROR_SERVERS_FAILED "org.lwsd1.Error.ServersFailed"
