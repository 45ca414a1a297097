/*
 * libvirt-host.h: connections and the host behind them
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef LIBVIRT_HOST_H
#define LIBVIRT_HOST_H

#ifndef VIRTMON_LIBVIRT_H_INCLUDES
# error "include <libvirt/libvirt.h> instead"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Handles. Reference-counted; one reference is returned by whatever gives a handle out. */
typedef struct _virConnect virConnect;
typedef virConnect *virConnectPtr;
typedef struct _virDomain virDomain;
typedef virDomain *virDomainPtr;

/* Flags of virConnectOpenAuth(): read-only access; take the URI as it is, no aliases. */
typedef enum {
    VIR_CONNECT_RO = (1 << 0),
    VIR_CONNECT_NO_ALIASES = (1 << 1),
} virConnectFlags;

/* What a server may ask the user for while a connection is opened. */
typedef enum {
    VIR_CRED_USERNAME = 1,
    VIR_CRED_AUTHNAME = 2,
    VIR_CRED_LANGUAGE = 3,
    VIR_CRED_CNONCE = 4,
    VIR_CRED_PASSPHRASE = 5,
    VIR_CRED_ECHOPROMPT = 6,
    VIR_CRED_NOECHOPROMPT = 7,
    VIR_CRED_REALM = 8,
    VIR_CRED_EXTERNAL = 9,
#ifdef VIR_ENUM_SENTINELS
    VIR_CRED_LAST
#endif
} virConnectCredentialType;
struct _virConnectCredential {
    int type;
    const char *prompt;
    const char *challenge;
    const char *defresult;
    char *result;
    unsigned int resultlen;
};
typedef struct _virConnectCredential virConnectCredential;
typedef virConnectCredential *virConnectCredentialPtr;

/* Fills in the answers; 0 on success, -1 to give up. */
typedef int (*virConnectAuthCallbackPtr)(virConnectCredentialPtr cred, unsigned int ncred,
                                         void *cbdata);
struct _virConnectAuth {
    int *credtype;
    unsigned int ncredtype;
    virConnectAuthCallbackPtr cb;
    void *cbdata;
};
typedef struct _virConnectAuth virConnectAuth;
typedef virConnectAuth *virConnectAuthPtr;

/* Asks on the terminal. */
VIR_EXPORT_VAR virConnectAuthPtr virConnectAuthPtrDefault;

/* Room for a UUID: as bytes, and as text with its NUL. */
#define VIR_UUID_BUFLEN (16)
#define VIR_UUID_STRING_BUFLEN (36+1)

/* The library. virInitialize() may be called any number of times, and is by every open. */
int virGetVersion(unsigned long *libVer, const char *type, unsigned long *typeVer);
int virInitialize(void);

/* Opening and closing. Close gives one reference back and returns 1 if something else keeps the
 * connection open, 0 if not. Domains and registered callbacks hold a reference each: with a
 * callback registered, events go on until it is deregistered. */
virConnectPtr virConnectOpen(const char *name);
virConnectPtr virConnectOpenReadOnly(const char *name);
virConnectPtr virConnectOpenAuth(const char *name, virConnectAuthPtr auth, unsigned int flags);
int virConnectRef(virConnectPtr conn);
int virConnectClose(virConnectPtr conn);

/* About the connection. Strings that are not const are the caller's to free(). */
const char *virConnectGetType(virConnectPtr conn);
int virConnectGetVersion(virConnectPtr conn, unsigned long *hvVer);
int virConnectGetLibVersion(virConnectPtr conn, unsigned long *libVer);
char *virConnectGetHostname(virConnectPtr conn);
char *virConnectGetURI(virConnectPtr conn);
char *virConnectGetCapabilities(virConnectPtr conn);
int virConnectIsEncrypted(virConnectPtr conn);
int virConnectIsSecure(virConnectPtr conn);
int virConnectIsAlive(virConnectPtr conn);

/* Seconds between questions, and how many may go unanswered. */
int virConnectSetKeepAlive(virConnectPtr conn, int interval, unsigned int count);

/* Called once when a connection ends by anything but virConnectClose(); reason is a
 * virConnectCloseReason. One callback a connection. */
typedef void (*virConnectCloseFunc)(virConnectPtr conn, int reason, void *opaque);
int virConnectRegisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb, void *opaque,
                                    virFreeCallback freecb);
int virConnectUnregisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb);

#ifdef __cplusplus
}
#endif

#endif /* LIBVIRT_HOST_H */
