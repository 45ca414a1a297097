/*
 * qemu_agent.h: commands for the agent inside a guest
 *
 * Speaks to the agent's own socket, as far as QEMU's command line tells it,
 * connected for one command. Not the QMP monitor.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include "qemu_domain.h"

/* An agent that doesn't answer to the first call within so long isn't there; also what
 * VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT waits for the answer. */
#define QEMU_AGENT_WAIT_MS 5000
/* An agent that shuts the guest down says nothing if it does: so long for it to refuse. */
#define QEMU_AGENT_SHUTDOWN_WAIT_MS 1000
/* Longest answer: guest-file-read of 48 MiB at once, the agent's own limit, is 64 MiB of
 * base64. */
#define QEMU_AGENT_REPLY_MAX (66 * 1024 * 1024)

/* Is there a way to an agent? That one is there, and answers, is not said. */
bool qemuAgentIsConfigured(virDomainObj *dom);

/**
 * qemuAgentCommand:
 * @dom: the domain
 * @command: one JSON object
 * @timeout: seconds, or one of virDomainQemuAgentCommandTimeoutValues
 * @reply: the agent's whole answer as compact JSON; the caller frees it
 *
 * Blocks. One caller at a time for each domain, the others wait their turn.
 *
 * Returns 0, or -1 with an error reported: VIR_ERR_OPERATION_INVALID (the domain isn't running),
 * VIR_ERR_ARGUMENT_UNSUPPORTED (no agent configured), VIR_ERR_AGENT_UNRESPONSIVE,
 * VIR_ERR_INTERNAL_ERROR (it answered with an error).
 */
int qemuAgentCommand(virDomainObj *dom, const char *command, int timeout, char **reply);
/* @mode: "powerdown", "reboot" or "halt". */
int qemuAgentShutdown(virDomainObj *dom, const char *mode);

/* The talk itself, on the agent's socket at @path, as qemuAgentCommand() has it; not if it is that
 * of a QEMU other than process @pid (0: of any). @wait is in milliseconds, -1 for ever. With
 * @silent, no answer in time is 0 too, with *reply NULL. */
int qemuAgentTalk(const char *path, pid_t pid, const char *command, int wait, bool silent,
                  char **reply);
