/* SPDX-License-Identifier: MIT */
#pragma once
/* MESSAGE_ID= of the lines that tell of a change; systemd/lwsd.catalog explains each. */
#define MESSAGE_STATE      "485ff9a42f114b47b186d901bd342bc1"
#define MESSAGE_WAITING    "93e586f6607948b89d5bc4f7de05465a"
#define MESSAGE_HOLD       "218db420c54740aeb4ebbc41507f851d"
#define MESSAGE_LEASE      "eb1ffcd825a7452f87e35b1380a305bc"
#define MESSAGE_LEASE_LOST "876cb7fc1b6f417a8a672f2888de60fd"
#define MESSAGE_SERVER     "3e68c92e97074f6fb9ef33763e43bc77"
#define MESSAGE_CLOCK      "50ae1e5f27c243a0bb518a62b5084a22"
#define MESSAGE_STEP       "1f94334f6af34c63a340672297cbae03"
#define MESSAGE_LINK       "c46ffb72d04f48a7bff8bfb00982861c"
