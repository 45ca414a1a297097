/*
 * libvirt-qemu.h: what only QEMU has: its monitor, its events, its guest agent
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef LIBVIRT_QEMU_H
#define LIBVIRT_QEMU_H

#include <libvirt/libvirt.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the text of a monitor command is meant: QMP (JSON), or a line for the human monitor. */
typedef enum {
    VIR_DOMAIN_QEMU_MONITOR_COMMAND_DEFAULT = 0,
    VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP = (1 << 0),
} virDomainQemuMonitorCommandFlags;

/* Sends a command; *result is the whole answer, the caller's to free(). A QMP error is an
 * answer, not a failure. File descriptors may go along and come back. */
int virDomainQemuMonitorCommand(virDomainPtr domain, const char *cmd, char **result,
                                unsigned int flags);
int virDomainQemuMonitorCommandWithFiles(virDomainPtr domain, const char *cmd,
                                         unsigned int ninfiles, int *infiles,
                                         unsigned int *noutfiles, int **outfiles, char **result,
                                         unsigned int flags);

/* Makes a QEMU that was started by something else a domain of this connection; flags: none. */
virDomainPtr virDomainQemuAttach(virConnectPtr conn, unsigned int pid_value, unsigned int flags);

/* A command for the guest agent; seconds to wait, or one of these. */
typedef enum {
    VIR_DOMAIN_QEMU_AGENT_COMMAND_MIN = VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK,
    VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK = VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK,
    VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT = VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_DEFAULT,
    VIR_DOMAIN_QEMU_AGENT_COMMAND_NOWAIT = VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_NOWAIT,
    VIR_DOMAIN_QEMU_AGENT_COMMAND_SHUTDOWN = 60,
} virDomainQemuAgentCommandTimeoutValues;
char *virDomainQemuAgentCommand(virDomainPtr domain, const char *cmd, int timeout,
                                unsigned int flags);

/* Called for each event. All but opaque is valid for the length of the call: keep a domain
 * by virDomainRef(). details is compact JSON, NULL if QEMU sent no data; seconds is -1 if
 * it sent no time. */
typedef void (*virConnectDomainQemuMonitorEventCallback)(virConnectPtr conn, virDomainPtr dom,
                                                         const char *event, long long seconds,
                                                         unsigned int micros, const char *details,
                                                         void *opaque);

/* How the event's name is compared: as a Perl-style regular expression found anywhere in
 * it; letters of either case; as a shell pattern for the whole of it (virtmon's own, from
 * the top of the word so that it can't meet a later flag of libvirt's). Neither REGEX nor
 * GLOB: the whole name, as it is. REGEX and GLOB exclude each other. */
typedef enum {
    VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX = (1 << 0),
    VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE = (1 << 1),
    VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_GLOB = (1 << 30),
} virConnectDomainQemuMonitorEventRegisterFlags;

/* Every event of one domain, or (NULL) of all, whose name fits (NULL: any). Where virtmon had
 * to drop events, one named "VIRTMON_EVENTS_LOST" stands in their place, for those whom that
 * name fits. Needs a read-write connection and an event loop. Returns an ID for the
 * deregistration, or -1; freecb is not called then. */
int virConnectDomainQemuMonitorEventRegister(virConnectPtr conn, virDomainPtr dom,
                                             const char *event,
                                             virConnectDomainQemuMonitorEventCallback cb,
                                             void *opaque, virFreeCallback freecb,
                                             unsigned int flags);
int virConnectDomainQemuMonitorEventDeregister(virConnectPtr conn, int callbackID);

/* virtmon's own: what the callback's arguments have no room for. A stream is one connection
 * to one QEMU; its events are numbered from 1 without a gap, so whatever is missing shows.
 * The notice of a loss bears the number of the last event that it stands for. */
typedef struct _virtmonMonitorEventInfo virtmonMonitorEventInfo;
struct _virtmonMonitorEventInfo {
    char stream[VIR_UUID_STRING_BUFLEN];
    unsigned long long number;
    long long receivedSeconds;          /* when it was read, since the epoch, UTC */
    unsigned int receivedMicros;
};
typedef virtmonMonitorEventInfo *virtmonMonitorEventInfoPtr;

/* Within a monitor event callback only; infoSize is sizeof(*info). Fails for an event that came
 * from a daemon, as the protocol tells nothing of this. */
int virtmonDomainQemuMonitorEventGetInfo(virConnectPtr conn, virtmonMonitorEventInfoPtr info,
                                         size_t infoSize);

#ifdef __cplusplus
}
#endif

#endif /* LIBVIRT_QEMU_H */
