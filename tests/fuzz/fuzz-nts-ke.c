/* SPDX-License-Identifier: MIT */
/* What a key exchange server says, in one piece and octet by octet: the verdict is the same. */
#include "fuzz.h"
#include "proto/nts-ke.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        NtsKe whole, slow;

        nts_ke_init(&whole);
        nts_ke_init(&slow);
        (void) nts_ke_feed(&whole, data, size);
        for (size_t i = 0; i < size; i++)
                (void) nts_ke_feed(&slow, data + i, 1);
        assert(nts_ke_end(&whole) == nts_ke_end(&slow));
        assert(whole.status != NTS_KE_DONE || whole.n_cookies > 0);
        return 0;
}
