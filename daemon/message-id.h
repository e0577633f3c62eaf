/* SPDX-License-Identifier: MIT */
#pragma once
/* MESSAGE_ID= of the daemon's own lines; systemd/lwsd.catalog explains each. */
#define MESSAGE_STATE   "485ff9a42f114b47b186d901bd342bc1"
#define MESSAGE_WAITING "93e586f6607948b89d5bc4f7de05465a"
#define MESSAGE_HOLD    "218db420c54740aeb4ebbc41507f851d"
