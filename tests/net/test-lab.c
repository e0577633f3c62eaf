/* SPDX-License-Identifier: MIT */
/* The ground that the other network tests stand on: a private network with a server in it. */
#include "lib/netns.h"
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

int main(void)
{
        static const char *const dnsmasq[] = { "dnsmasq", "--no-daemon", "--conf-file=/dev/null",
                "--no-resolv", "--no-hosts", "--pid-file=", "--interface=servers",
                "--bind-interfaces", NULL };
        static const char *const none[] = { "/nonexistent", NULL };
        Server s = SERVER_NULL;

        if (netns_private() < 0)
                return TEST_SKIP;
        assert(if_nametoindex("lo") == 1);
        assert(netns_sh("false; true") == -EIO);
        assert(netns_sh("ip netns add lab\n"
                        "ip link add client type veth peer name servers netns lab\n"
                        "ip link set client up\n"
                        "ip -n lab link set lo up\n"
                        "ip -n lab link set servers up\n"
                        "ip -n lab address add 10.9.0.1/24 dev servers\n"
                        "ip address add 10.9.0.2/24 dev client") == 0);
        assert(if_nametoindex("client") > 0);
        assert(if_nametoindex("servers") == 0);
        assert(netns_switch("lab") == 0);
        assert(if_nametoindex("servers") > 0);
        assert(netns_switch(NULL) == 0);
        assert(if_nametoindex("servers") == 0);

        assert(server_start(&s, NULL, "ready", none) < 0);
        assert(server_start(&s, "lab", "started", dnsmasq) == 0);
        assert(kill(s.pid, 0) == 0);
        server_stop(&s);
        assert(s.pid == 0);
        assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
        return 0;
}
