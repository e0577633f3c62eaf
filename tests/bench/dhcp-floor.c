/* SPDX-License-Identifier: MIT */
/* dhcp-floor LINK: waits for the link's carrier, gets a lease in four packets and sets the address.
 */
#include "floor-dhcp.h"
#include <stdio.h>

int main(int argc, char **argv)
{
        FloorDhcp floor;

        if (argc != 2) {
                fprintf(stderr, "usage: dhcp-floor LINK\n");
                return 2;
        }
        floor_dhcp_open(&floor, argv[1]);
        floor_dhcp_wait_carrier(&floor);
        floor_dhcp_apply(&floor, floor_dhcp_ask(&floor));
        return 0;
}
