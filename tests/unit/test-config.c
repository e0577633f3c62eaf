/* SPDX-License-Identifier: MIT */
#include "daemon/config-value.h"
#include "daemon/config.h"
#include "lib/suite.h"
#include "util/log.h"
#include <lwsd/lws-states.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char error[CONFIG_ERROR_SIZE];
static char warned[2048];

static void keep_warnings(int severity, const char *message, const LogField *fields)
{
        strncat(warned, message, sizeof(warned) - strlen(warned) - 2);
        strcat(warned, "\n");
}

static Settings *parse(const char *text)
{
        _cleanup_(config_origins_clear) ConfigOrigins origins = { 0 };
        Settings *s = NULL;

        error[0] = warned[0] = 0;
        log_set_sink(keep_warnings);
        ck_assert_int_eq(settings_new(&s), 0);
        if (config_parse(s, &origins, "t.conf", text, strlen(text), error) < 0)
                return settings_free(s);
        return s;
}

static void refused(const char *text, const char *expected)
{
        ck_assert_ptr_null(parse(text));
        ck_assert_msg(strncmp(error, expected, strlen(expected)) == 0, "got: %s, not: %s", error,
                expected);
        ck_assert_ptr_null(strchr(error, '\n'));
}

START_TEST(every_section_arrives)
{
        Settings *s = parse("[Manager]\nTarget=time-valid\nRequireFamily=both\nFlapSec=1min 2.5s\n"
                            "QuotaHolds=7\nHold=registered:enroll auth1:me\n"
                            "[Link eth*]\nDHCP=ipv4\nAddress=10.0.0.2/24 fd00::2/64\n"
                            "Gateway=10.0.0.1\nNTP=time.example:124 [fe80::1%eth0]:123\nMetric=7\n"
                            "ConflictDetection=strict\n"
                            "[Link *]\nManaged=no\n"
                            "[DNS]\nServers=1.2.3.4#dns.example [fe80::1%eth0]:5353\n"
                            "CacheMaxBytes=2M\nDNSOverTLS=opportunistic\nStub=no\n"
                            "[Time]\nSetClock=no\nMinSources=3\nObserve=yes\n"
                            "[Registration]\nProvider=hold\n[Policy]\nFile=/p.json\n");

        ck_assert_ptr_nonnull(s);
        ck_assert_str_eq(warned, "");
        ck_assert_int_eq(s->target, LWS_SYSTATE_TIME_VALID);
        ck_assert_int_eq(s->require_family, REQUIRE_FAMILY_BOTH);
        ck_assert_uint_eq(s->flap_usec, 62500 * USEC_PER_MSEC);
        ck_assert_uint_eq(s->quota_holds, 7);
        ck_assert_uint_eq(s->quota_attachments, 4096);
        ck_assert_uint_eq(s->expected_holds.n, 2);
        ck_assert_str_eq(s->expected_holds.items[1].who, "me");
        ck_assert_uint_eq(s->n_links, 2);
        ck_assert_int_eq(s->links[0].dhcp, DHCP_MODE_IPV4);
        ck_assert_uint_eq(s->links[0].addresses.n, 2);
        ck_assert_str_eq(s->links[0].ntp.items[1].host, "fe80::1%eth0");
        ck_assert_uint_eq(s->links[0].ntp.items[0].port, 124);
        ck_assert(!s->links[1].managed);
        ck_assert_uint_eq(s->dns.servers.items[1].port, 5353);
        ck_assert_uint_eq(s->dns.cache_max_bytes, 2 << 20);
        ck_assert_int_eq(s->dns.over_tls, DNS_OVER_TLS_OPPORTUNISTIC);
        ck_assert_uint_eq(s->dns.stub.n, 0);
        ck_assert(!s->time.set_clock);
        ck_assert_int_eq(s->time.observe, TIME_OBSERVE_YES);
        ck_assert_int_eq(s->registration.provider, STAGE_PROVIDER_HOLD);
        ck_assert_str_eq(s->policy.file, "/p.json");
        settings_free(s);
}
END_TEST

START_TEST(a_repeated_key_appends_and_an_empty_one_resets)
{
        Settings *s = parse("[DNS]\nServers=1.1.1.1\nServers=2.2.2.2 3.3.3.3\nCache=no\nCache=\n"
                            "Domains=a.example\nDomains=\nDomains=b.example\n");

        ck_assert_ptr_nonnull(s);
        ck_assert_uint_eq(s->dns.servers.n, 3);
        ck_assert(s->dns.cache);
        ck_assert_uint_eq(s->dns.domains.n, 1);
        ck_assert_str_eq(s->dns.domains.items[0], "b.example");
        settings_free(s);
}
END_TEST

START_TEST(yes_and_no_are_written_as_for_systemd)
{
        Settings *s = parse("[Link a]\nManaged=OFF\nUseDNS=f\nUseNTP=T\nDHCP=true\n"
                            "ConflictDetection=0\n[Link b]\nDHCP=False\n"
                            "[DNS]\nDNSOverTLS=on\nStub=127.0.0.54\nStub=off\n[Time]\nObserve=y\n");

        ck_assert_msg(s != NULL, "%s", error);
        ck_assert(!s->links[0].managed && !s->links[0].use_dns && s->links[0].use_ntp);
        ck_assert_int_eq(s->links[0].dhcp, DHCP_MODE_YES);
        ck_assert_int_eq(s->links[0].conflict_detection, CONFLICT_DETECTION_NO);
        ck_assert_int_eq(s->links[1].dhcp, DHCP_MODE_NO);
        ck_assert_int_eq(s->dns.over_tls, DNS_OVER_TLS_YES);
        ck_assert_uint_eq(s->dns.stub.n, 0);
        ck_assert_int_eq(s->time.observe, TIME_OBSERVE_YES);
        settings_free(s);
}
END_TEST

START_TEST(an_indented_key_is_a_key_and_other_indented_text_goes_on)
{
        Settings *s = parse("\xef\xbb\xbf[Manager]\n  RequireLinks=eth0\n\tTarget = dhcp\n"
                            "[DNS]\nServers=1.1.1.1\n  2.2.2.2\n");

        ck_assert_msg(s != NULL, "%s", error);
        ck_assert_int_eq(s->target, LWS_SYSTATE_DHCP);
        ck_assert_uint_eq(s->require_links.n, 1);
        ck_assert_uint_eq(s->dns.servers.n, 2);
        settings_free(s);
}
END_TEST

START_TEST(the_same_link_section_goes_on)
{
        Settings *s = parse("[Link eth0]\n[Link *]\nMetric=5\n[Link eth0]\nMetric=3\n");

        ck_assert_ptr_nonnull(s);
        ck_assert_uint_eq(s->n_links, 2);
        ck_assert_uint_eq(s->links[0].metric, 3);
        ck_assert_uint_eq(s->links[1].metric, 5);
        settings_free(s);
}
END_TEST

START_TEST(what_is_unknown_warns_with_its_place)
{
        Settings *s = parse("# x\n[Manager]\nColour=blue\n[Nope]\nA=b\n[DNS]\nCache=no\n");

        ck_assert_ptr_nonnull(s);
        ck_assert(!s->dns.cache);
        ck_assert_ptr_nonnull(strstr(warned, "t.conf:3: "));
        ck_assert_ptr_nonnull(strstr(warned, "t.conf:4: unknown section [Nope]"));
        settings_free(s);
}
END_TEST

START_TEST(what_is_wrong_is_refused_with_its_place)
{
        char text[512];

        refused("[Manager]\n\nTarget=heaven\n", "t.conf:3: Target=heaven: not a state");
        refused("[Manager]\nTarget=unknown\n", "t.conf:2: ");
        refused("[Manager]\nFlapSec=1 parsec\n", "t.conf:2: ");
        refused("[Manager]\nFlapSec=-1\n", "t.conf:2: ");
        refused("[Manager]\nQuotaHolds=0\n", "t.conf:2: ");
        refused("[Manager]\nHold=enroll\n", "t.conf:2: ");
        refused("[Manager\nTarget=dhcp\n", "t.conf:1: ");
        refused("[Manager] x\n", "t.conf:1: ");
        refused("Target=dhcp\n", "t.conf:1: ");
        refused("[Manager]\nTarget\n", "t.conf:2: expected KEY=VALUE");
        refused("[Manager]\nTarget=dhcp\n [DNS]\n", "t.conf:3: ");
        refused("[Link]\nDHCP=yes\n", "t.conf:1: ");
        refused("[Link a]\nDHCP=maybe\n", "t.conf:2: DHCP=maybe: expected one of no ipv4 ipv6 yes");
        refused("[Link a]\nAddress=10.0.0.1\n", "t.conf:2: ");
        refused("[Link a]\nMetric=4294967296\n", "t.conf:2: ");
        refused("[DNS]\nServers=dns.example\n", "t.conf:2: ");
        refused("[DNS]\nServers=1.2.3.4:70000\n", "t.conf:2: ");
        refused("[DNS]\nCacheMaxBytes=99999999999999999999\n", "t.conf:2: ");
        refused("[DNS]\nCacheMaxBytes=9999999999T\n", "t.conf:2: ");
        refused("[DNS]\nStub=yes\n", "t.conf:2: ");
        refused("[Time]\nServers=a..b\n", "t.conf:2: ");
        refused("[Time]\nServers=a.example#\n", "t.conf:2: ");
        refused("[Time]\nServers=a.example:123#0\n", "t.conf:2: ");
        refused("[Time]\nServers=a.example#name\n", "t.conf:2: ");
        refused("[Time]\nServers=#1\n", "t.conf:2: ");
        refused("[Time]\nPollMinSec=10ms\n", "t.conf:2: ");
        refused("[Manager]\n=dhcp\n", "t.conf:2: expected KEY=VALUE");
        refused("[Manager]\nSpreadSec=2d\n", "t.conf:2: SpreadSec=2d: too long");
        refused("[Link a]\nGateway=10.0.0.1:80\n", "t.conf:2: ");
        refused("[Link a]\nGateway=10.0.0.1#gw\n", "t.conf:2: ");
        refused("[DNS]\nStub=127.0.0.54#me\n", "t.conf:2: ");
        refused("[DNS]\nStub=192.0.2.1\n", "t.conf:2: Stub=192.0.2.1: 192.0.2.1 is no loopback");
        refused("[DNS]\nStub=127.0.0.54 [2001:db8::1]:53\n", "t.conf:2: ");
        refused("[Auth1]\nProvider=ldap\n", "t.conf:2: ");
        /* the limits that inih would pass by in silence */
        snprintf(text, sizeof(text), "[DNS]\nDomains=%0180d.%015d\n", 0, 0);
        refused(text, "t.conf:2: line over 199 bytes");
        snprintf(text, sizeof(text), "[Link %045d]\n", 0);
        refused(text, "t.conf:1: section name over 49 bytes");
}
END_TEST

START_TEST(a_line_of_199_bytes_passes)
{
        char text[512];
        Settings *s;

        snprintf(text, sizeof(text), "[Policy]\nUrl=%0195d\n[Link %044d]\nMetric=1", 1, 2);
        s = parse(text);
        ck_assert_msg(s != NULL, "%s", error);
        ck_assert_uint_eq(strlen(s->policy.url), 195);
        ck_assert_uint_eq(strlen(s->links[0].glob), 44);
        settings_free(s);
}
END_TEST

START_TEST(nul_bytes_and_cut_files_are_harmless)
{
        static const char text[] = "[DNS]\nServers=1.2.3.4\nCache=n\0o\n";
        ConfigOrigins origins = { 0 };
        Settings *s = NULL;

        for (size_t n = 0; n < sizeof(text); n++) {
                ck_assert_int_eq(settings_new(&s), 0);
                (void) config_parse(s, &origins, "t", text, n, error);
                s = settings_free(s);
        }
        ck_assert_int_eq(settings_new(&s), 0);
        ck_assert_int_eq(config_parse(s, &origins, "t", text, sizeof(text) - 1, error), -EINVAL);
        ck_assert_str_eq(error, "t:3: a NUL byte");
        settings_free(s);
        config_origins_clear(&origins);
}
END_TEST

START_TEST(times_take_systemd_units)
{
        static const struct {
                const char *text;
                usec_t usec;
        } good[] = { { "5", 5000000 }, { "300ms", 300000 }, { "1min 30s", 90000000 },
                { "1.5s", 1500000 }, { ".5", 500000 }, { "2h30min", 9000000000 }, { "0", 0 },
                { "10us", 10 }, { "infinity", USEC_INFINITY }, { "1d", USEC_PER_DAY } };
        static const char *const bad[] = { "", "s", "5x", "1.", ".", ".s", "-5", "99999999999999y",
                "5 5 z", "infinity5" };
        usec_t usec;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                ck_assert_msg(usec_parse(good[i].text, &usec) == 0, "%s", good[i].text);
                ck_assert_uint_eq(usec, good[i].usec);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_msg(usec_parse(bad[i], &usec) < 0, "%s", bad[i]);
}
END_TEST

/* A file, or where the text is a path, a link to it. */
static void put(const char *root, const char *path, const char *text)
{
        char full[4096], *slash;
        FILE *f;

        snprintf(full, sizeof(full), "%s%s", root, path);
        for (slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = 0;
                (void) mkdir(full, 0755);
                *slash = '/';
        }
        if (text[0] == '/') {
                ck_assert_int_eq(symlink(text, full), 0);
                return;
        }
        f = fopen(full, "w");
        ck_assert_ptr_nonnull(f);
        fputs(text, f);
        fclose(f);
}

START_TEST(dropins_are_read_by_name_and_mask_by_place)
{
        char root[] = "/tmp/lwsd-config-XXXXXX", command[64];
        ConfigPaths paths = { .root = root };
        Settings *s = NULL;

        ck_assert_ptr_nonnull(mkdtemp(root));
        put(root, "/etc/lwsd/lwsd.conf", "[DNS]\nServers=1.0.0.1\nCache=no\n");
        put(root, "/usr/lib/lwsd/lwsd.conf.d/10-a.conf", "[DNS]\nServers=1.0.0.2\n");
        put(root, "/usr/lib/lwsd/lwsd.conf.d/20-b.conf", "[DNS]\nServers=1.0.0.9\n");
        put(root, "/run/lwsd/lwsd.conf.d/20-b.conf", "[DNS]\nServers=1.0.0.4\n");
        put(root, "/etc/lwsd/lwsd.conf.d/15-c.conf", "[DNS]\nServers=1.0.0.3\n");
        put(root, "/usr/lib/lwsd/lwsd.conf.d/30-d.conf", "[DNS]\nServers=1.0.0.9\n");
        put(root, "/etc/lwsd/lwsd.conf.d/30-d.conf", "/dev/null");
        put(root, "/run/lwsd/lwsd.conf.d/35-d.conf", "[DNS]\nServers=1.0.0.9\n");
        put(root, "/etc/lwsd/lwsd.conf.d/35-d.conf", "/nonexistent/35-d.conf");
        put(root, "/etc/lwsd/lwsd.conf.d/40-e.conf.bak", "nonsense\n");
        ck_assert_msg(config_load(&s, &paths, error) == 0, "%s", error);
        ck_assert_uint_eq(s->dns.servers.n, 4);
        for (size_t i = 0; i < 4; i++)
                ck_assert_uint_eq(s->dns.servers.items[i].addr.bytes[3], i + 1);
        ck_assert(!s->dns.cache);
        s = settings_free(s);

        paths.file = "/nonexistent/lwsd.conf";
        ck_assert_int_eq(config_load(&s, &paths, error), -ENOENT);
        paths.file = NULL;
        paths.root = "/nonexistent";
        ck_assert_int_eq(config_load(&s, &paths, error), 0);
        settings_free(s);
        snprintf(command, sizeof(command), "rm -r %s", root);
        ck_assert_int_eq(system(command), 0);
}
END_TEST

/* A value that only the others show to be wrong has a line too, in whichever file it stands. */
START_TEST(keys_that_do_not_fit_together_are_refused_with_their_place)
{
        static const struct {
                const char *dropin, *words;
        } cases[] = {
                { "[Policy]\nUrl=https://p.test/\n", ":2: [Policy] Url= needs Key=" },
                { "[Policy]\nProvider=hold\nFile=/p\n", ":2: [Policy] File= and Url= are for" },
                { "[Policy]\nUrl=http://p.test/\nKey=/k\n", ":2: [Policy] Url= is not an https" },
                { "\n[Registration]\nProvider=est\n", ":3: [Registration] this Provider= needs" },
                { "[Registration]\nKey=file\n", ":2: [Registration] Key= is not a URI" },
                { "[Registration]\nProvider=hold\nKey=handle:1\n",
                        ":3: [Registration] Key= is for" },
                { "[Registration]\nKeyProvider=tpm2\n", ":2: [Registration] KeyProvider= needs" },
                { "[Auth2]\nProvider=oauth\nUrl=ftp://x\n", ":3: [Auth2] this Provider= needs" },
                { "[CaptivePortal]\nUrls=https://p.test/\n", ":2: [CaptivePortal] Urls= must be" },
                { "[Time]\nPollMinSec=64\nPollMaxSec=32\n", ":2: [Time] PollMinSec= is longer" },
                { "[Time]\nNTSServers=a#1\n", ":2: [Time] NTSServers= with a #KEY" },
                { "[Time]\nServers=a b#7\n", ":2: key 7 of b is not in a KeyFile=" },
                { "[Link a]\nNTP=[fe80::1%eth0]#8\n", ":2: key 8 of fe80::1%eth0 is not in" },
        };
        char root[] = "/tmp/lwsd-config-XXXXXX", path[128], expected[256], command[64];
        ConfigPaths paths = { .root = root };
        Settings *s = NULL;

        ck_assert_ptr_nonnull(mkdtemp(root));
        put(root, "/etc/lwsd/lwsd.conf", "[DNS]\nCache=no\n");
        snprintf(path, sizeof(path), "%s/run/lwsd/lwsd.conf.d/50-x.conf", root);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                put(root, "/run/lwsd/lwsd.conf.d/50-x.conf", cases[i].dropin);
                snprintf(expected, sizeof(expected), "%s%s", path, cases[i].words);
                ck_assert_int_eq(config_load(&s, &paths, error), -EINVAL);
                ck_assert_msg(strncmp(error, expected, strlen(expected)) == 0, "got: %s, not: %s",
                        error, expected);
        }
        /* what one file leaves at odds the next may put right */
        put(root, "/etc/lwsd/lwsd.conf", "[Time]\nPollMinSec=2048\n");
        put(root, "/run/lwsd/lwsd.conf.d/50-x.conf", "[Time]\nPollMaxSec=2h\n");
        ck_assert_msg(config_load(&s, &paths, error) == 0, "%s", error);
        settings_free(s);
        /* and a bound alone is at odds with nothing but a default */
        put(root, "/etc/lwsd/lwsd.conf", "[Time]\nPollMaxSec=32\n");
        put(root, "/run/lwsd/lwsd.conf.d/50-x.conf", "");
        ck_assert_msg(config_load(&s, &paths, error) == 0, "%s", error);
        ck_assert_uint_eq(s->time.poll_min_usec, 32 * USEC_PER_SEC);
        settings_free(s);
        put(root, "/etc/lwsd/lwsd.conf", "[Time]\nPollMinSec=2h\n");
        ck_assert_msg(config_load(&s, &paths, error) == 0, "%s", error);
        ck_assert_uint_eq(s->time.poll_max_usec, 2 * USEC_PER_HOUR);
        settings_free(s);
        /* also where the other one was set and is at its default again */
        put(root, "/etc/lwsd/lwsd.conf", "[Time]\nPollMinSec=48\nPollMaxSec=2h\n");
        put(root, "/run/lwsd/lwsd.conf.d/50-x.conf", "[Time]\nPollMinSec=\nPollMaxSec=32\n");
        ck_assert_msg(config_load(&s, &paths, error) == 0, "%s", error);
        ck_assert_uint_eq(s->time.poll_min_usec, 32 * USEC_PER_SEC);
        settings_free(s);
        snprintf(command, sizeof(command), "rm -r %s", root);
        ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(the_file_of_keys_is_part_of_the_configuration)
{
        static const struct {
                const char *keys, *words;
                mode_t mode;
        } cases[] = {
                { "3 AES128 0123456789abcdef\n", "/lwsd.conf:2: key 4 of b.example is not in ",
                        0600 },
                { "# x\n3 AES128 secret\n", "/keys:2: a key of AES128 has 16", 0600 },
                { "3 MD5 secret\n", "/keys: everybody may write", 0602 },
        };
        char root[] = "/tmp/lwsd-config-XXXXXX", path[64], keys[64], text[256], command[64];
        ConfigPaths paths = { .file = path };
        Settings *s = NULL;

        ck_assert_ptr_nonnull(mkdtemp(root));
        snprintf(path, sizeof(path), "%s/lwsd.conf", root);
        snprintf(keys, sizeof(keys), "%s/keys", root);
        snprintf(text, sizeof(text),
                "[Time]\nServers=10.0.0.1:124#3 b.example#4 c.example\nKeyFile=%s\n", keys);
        put(root, "/lwsd.conf", text);
        log_set_sink(keep_warnings);
        ck_assert_int_eq(config_load(&s, &paths, error), -ENOENT);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                put(root, "/keys", cases[i].keys);
                ck_assert_int_eq(chmod(keys, cases[i].mode), 0);
                ck_assert_int_lt(config_load(&s, &paths, error), 0);
                snprintf(text, sizeof(text), "%s%s", root, cases[i].words);
                ck_assert_msg(strncmp(error, text, strlen(text)) == 0, "got: %s", error);
                ck_assert_ptr_null(strstr(error, "secret"));
        }
        put(root, "/keys", "3 AES128 0123456789abcdef\n4 SHA1 HEX:00ff\n");
        ck_assert_int_eq(chmod(keys, 0640), 0);
        warned[0] = 0;
        ck_assert_msg(config_load(&s, &paths, error) == 0, "%s", error);
        ck_assert_str_eq(warned, "");
        ck_assert_uint_eq(s->time.servers.items[0].key, 3);
        ck_assert_uint_eq(s->time.servers.items[0].port, 124);
        ck_assert_uint_eq(s->time.servers.items[1].key, 4);
        ck_assert_uint_eq(s->time.servers.items[2].key, 0);
        ck_assert_uint_eq(ntp_keys_find(&s->time.keys, 4)->data[1], 0xff);
        settings_free(s);
        ck_assert_int_eq(chmod(keys, 0644), 0);
        ck_assert_int_eq(config_load(&s, &paths, error), 0);
        ck_assert_ptr_nonnull(strstr(warned, "everybody may read"));
        settings_free(s);
        snprintf(command, sizeof(command), "rm -r %s", root);
        ck_assert_int_eq(system(command), 0);
}
END_TEST

TEST_MAIN("config", the_file_of_keys_is_part_of_the_configuration,
        keys_that_do_not_fit_together_are_refused_with_their_place, every_section_arrives,
        yes_and_no_are_written_as_for_systemd,
        an_indented_key_is_a_key_and_other_indented_text_goes_on,
        a_repeated_key_appends_and_an_empty_one_resets, the_same_link_section_goes_on,
        what_is_unknown_warns_with_its_place, what_is_wrong_is_refused_with_its_place,
        a_line_of_199_bytes_passes, nul_bytes_and_cut_files_are_harmless, times_take_systemd_units,
        dropins_are_read_by_name_and_mask_by_place)
