/*
 * viraccessgenpolicy.c: writes polkit's list of our permissions
 *
 * A program of the build, which makes the file that is installed for polkitd: an action for each
 * row of viraccessperm.h. Nobody is ever asked for a password because of one of them, so what they
 * say is read by administrators only, and isn't translated.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include "viraccessperm.h"

static void
virAccessGenPolicyAction(virAccessPerm perm)
{
    const char *answer = virAccessPermIsEverybodys(perm) ? "yes" : "no";

    printf("  <action id=\"org.virtmon.api.%s.%s\">\n"
           "    <description>%s</description>\n"
           "    <message>The policy of this host does not allow it</message>\n"
           "    <defaults>\n"
           "      <allow_any>%s</allow_any>\n"
           "      <allow_inactive>%s</allow_inactive>\n"
           "      <allow_active>%s</allow_active>\n"
           "    </defaults>\n"
           "  </action>\n",
           virAccessPermClass(perm), virAccessPermName(perm), virAccessPermWhat(perm), answer,
           answer, answer);
}

int
main(void)
{
    int perm;

    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<!DOCTYPE policyconfig PUBLIC \"-//freedesktop//DTD PolicyKit Policy Configuration 1.0//EN\"\n"
          "  \"http://www.freedesktop.org/standards/PolicyKit/1.0/policyconfig.dtd\">\n"
          "<!-- SPDX-License-Identifier: LGPL-2.1-or-later -->\n"
          "<policyconfig>\n"
          "  <vendor>virtmon</vendor>\n", stdout);
    for (perm = VIR_ACCESS_PERM_NONE + 1; perm < VIR_ACCESS_PERM_LAST; perm++)
        virAccessGenPolicyAction((virAccessPerm)perm);
    fputs("</policyconfig>\n", stdout);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
