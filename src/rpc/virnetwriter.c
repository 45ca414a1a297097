/*
 * virnetwriter.c: packets on their way to a socket
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "virnetwriter.h"

#include <string.h>

/* Entries that are allocated together: a block costs its queue little when it is empty, and an
 * entry of a long queue hardly more than itself. */
#define VIR_NET_WRITER_BLOCK 64

/* Bytes that one write is given: more than sockets have room for, and a TLS record. */
#define VIR_NET_WRITER_PIECES_MAX (1024 * 1024)
#define VIR_NET_WRITER_PIECES_TLS (16 * 1024)

/* Bytes that one flush writes before others get their turn; sockets rarely take as many. */
#define VIR_NET_WRITER_FLUSH_MAX (4 * 1024 * 1024)

/* One packet or event. */
typedef struct {
    virNetMessage *msg;         /* NULL: an event */
    virNetEvent *event;
    const char *head;           /* the event's: in @spare, or in the event itself */
    guint32 headLen;
    char spare[VIR_NET_EVENT_HEAD_MAX];
} virNetWriterEntry;

typedef struct _virNetWriterBlock virNetWriterBlock;
struct _virNetWriterBlock {
    virNetWriterBlock *next;
    unsigned int first, end;    /* entries that are used */
    virNetWriterEntry entries[VIR_NET_WRITER_BLOCK];
};

struct _virNetWriter {
    virNetSocket *sock;
    virNetWriterSentFunc sent;
    void *opaque;
    virNetWriterBlock *head, *tail;
    size_t offset;              /* bytes of the first entry that are written */
    size_t fdsSent;             /* of the first entry, which is written but for these */
    size_t eventBytes;          /* of each entry, and of its event if the next one's is another */
    size_t packetBytes;
    size_t packetFDs;
};

virNetWriter *
virNetWriterNew(virNetSocket *sock, virNetWriterSentFunc sent, void *opaque)
{
    virNetWriter *writer = g_new0(virNetWriter, 1);

    writer->sock = sock;
    writer->sent = sent;
    writer->opaque = opaque;
    return writer;
}

void
virNetWriterFree(virNetWriter *writer)
{
    if (!writer)
        return;
    while (writer->head) {
        virNetWriterBlock *block = writer->head;

        writer->head = block->next;
        for (; block->first < block->end; block->first++) {
            virNetMessageFree(block->entries[block->first].msg);
            virNetEventUnref(block->entries[block->first].event);
        }
        g_free(block);
    }
    g_free(writer);
}

static virNetWriterEntry *
virNetWriterAppend(virNetWriter *writer)
{
    virNetWriterBlock *block = writer->tail;

    if (!block || block->end == VIR_NET_WRITER_BLOCK) {
        block = g_new(virNetWriterBlock, 1);
        block->next = NULL;
        block->first = block->end = 0;
        if (writer->tail)
            writer->tail->next = block;
        else
            writer->head = block;
        writer->tail = block;
    }
    return &block->entries[block->end++];
}

void
virNetWriterPush(virNetWriter *writer, virNetMessage *msg)
{
    virNetWriterEntry *entry = virNetWriterAppend(writer);
    size_t len;
    size_t nfds;

    entry->msg = msg;
    entry->event = NULL;
    virNetMessageGetBytes(msg, &len);
    virNetMessageGetFDs(msg, &nfds);
    writer->packetBytes += len;
    writer->packetFDs += nfds;
}

/* Entries for the same event that follow one another, as those of several registrations do, share
 * its bytes: these count once, and as long as one of the entries is left. @shared: the entry is
 * beside another for its event. */
static size_t
virNetWriterEntryCost(const virNetEvent *event, bool shared)
{
    return sizeof(virNetWriterEntry) + (shared ? 0 : virNetEventCost(event));
}

void
virNetWriterPushEvent(virNetWriter *writer, virNetEvent *event, int callbackID)
{
    size_t cost = virNetWriterEventCost(writer, event);
    virNetWriterEntry *entry = virNetWriterAppend(writer);
    size_t len;

    entry->msg = NULL;
    entry->event = virNetEventRef(event);
    entry->head = virNetEventHead(event, callbackID, entry->spare, &len);
    entry->headLen = len;
    writer->eventBytes += cost;
}

size_t
virNetWriterEventCost(const virNetWriter *writer, const virNetEvent *event)
{
    const virNetWriterBlock *last = writer->tail;

    return virNetWriterEntryCost(event, last && last->entries[last->end - 1].event == event);
}

size_t
virNetWriterEventBytes(const virNetWriter *writer)
{
    return writer->eventBytes;
}

size_t
virNetWriterPacketBytes(const virNetWriter *writer)
{
    return writer->packetBytes;
}

size_t
virNetWriterPacketFDs(const virNetWriter *writer)
{
    return writer->packetFDs;
}

bool
virNetWriterIsEmpty(const virNetWriter *writer)
{
    return !writer->head;
}

static size_t
virNetWriterEntryLen(const virNetWriterEntry *entry)
{
    size_t len;

    if (entry->msg) {
        virNetMessageGetBytes(entry->msg, &len);
        return len;
    }
    virNetEventBody(entry->event, &len);
    return len + entry->headLen;
}

/* Forgets the first entry, which is sent whole. */
static void
virNetWriterDrop(virNetWriter *writer)
{
    virNetWriterBlock *block = writer->head;
    virNetMessage *msg = block->entries[block->first].msg;
    virNetEvent *event = block->entries[block->first].event;

    if (++block->first == block->end) {
        writer->head = block->next;
        if (!writer->head)
            writer->tail = NULL;
        g_free(block);
    }
    writer->offset = 0;
    writer->fdsSent = 0;
    if (msg) {
        size_t len;
        size_t nfds;

        virNetMessageGetBytes(msg, &len);
        virNetMessageGetFDs(msg, &nfds);
        writer->packetBytes -= len;
        writer->packetFDs -= nfds;
        if (writer->sent)
            writer->sent(virNetMessageGetHeader(msg), writer->opaque);
        virNetMessageFree(msg);
    } else {
        const virNetWriterBlock *next = writer->head;
        bool again = next && next->entries[next->first].event == event;

        writer->eventBytes -= virNetWriterEntryCost(event, again);
        virNetEventUnref(event);
    }
}

static size_t
virNetWriterAddPiece(struct iovec *iov, size_t n, const char *bytes, size_t len, size_t *skip)
{
    size_t skipped = MIN(*skip, len);

    *skip -= skipped;
    if (len == skipped)
        return n;
    iov[n].iov_base = (char *)bytes + skipped;
    iov[n].iov_len = len - skipped;
    return n + 1;
}

/* Describes as much as one write takes; ends with a packet that has fds, as these come before
 * whatever follows. */
static size_t
virNetWriterGather(virNetWriter *writer, struct iovec *iov)
{
    size_t most = virNetSocketIsEncrypted(writer->sock) ? VIR_NET_WRITER_PIECES_TLS
                                                        : VIR_NET_WRITER_PIECES_MAX;
    virNetWriterBlock *block;
    size_t skip = writer->offset;
    size_t total = 0;
    size_t n = 0;

    for (block = writer->head; block; block = block->next) {
        unsigned int i;

        for (i = block->first; i < block->end; i++) {
            const virNetWriterEntry *entry = &block->entries[i];
            const char *bytes;
            size_t len;
            size_t nfds;

            if (n + 2 > VIR_NET_SOCKET_IOV_MAX || total >= most)
                return n;
            if (entry->msg) {
                bytes = virNetMessageGetBytes(entry->msg, &len);
                n = virNetWriterAddPiece(iov, n, bytes, len, &skip);
                virNetMessageGetFDs(entry->msg, &nfds);
                if (nfds > 0)
                    return n;
            } else {
                bytes = virNetEventBody(entry->event, &len);
                if (entry->head + entry->headLen == bytes) {
                    n = virNetWriterAddPiece(iov, n, entry->head, len + entry->headLen, &skip);
                } else {
                    n = virNetWriterAddPiece(iov, n, entry->head, entry->headLen, &skip);
                    n = virNetWriterAddPiece(iov, n, bytes, len, &skip);
                }
                len += entry->headLen;
            }
            total += len;
        }
    }
    return n;
}

/* Sends what is left of the fds of the first entry. Returns 1 when there are no more, 0 if the
 * socket is full, -1 with an error reported. */
static int
virNetWriterSendFDs(virNetWriter *writer, const virNetMessage *msg)
{
    size_t nfds;
    const int *fds = virNetMessageGetFDs(msg, &nfds);

    for (; writer->fdsSent < nfds; writer->fdsSent++) {
        int rc = virNetSocketSendFD(writer->sock, fds[writer->fdsSent]);

        if (rc <= 0)
            return rc;
    }
    return 1;
}

/* Drops what @written bytes, and fds, complete. Returns as virNetWriterSendFDs(). */
static int
virNetWriterAdvance(virNetWriter *writer, size_t written)
{
    writer->offset += written;
    while (writer->head) {
        const virNetWriterEntry *entry = &writer->head->entries[writer->head->first];
        size_t len = virNetWriterEntryLen(entry);
        size_t over;
        int rc;

        if (writer->offset < len)
            return 1;
        over = writer->offset - len;
        if (entry->msg && (rc = virNetWriterSendFDs(writer, entry->msg)) <= 0)
            return rc;
        virNetWriterDrop(writer);
        writer->offset = over;
    }
    return 1;
}

int
virNetWriterFlush(virNetWriter *writer)
{
    struct iovec iov[VIR_NET_SOCKET_IOV_MAX];
    size_t total = 0;
    ssize_t n;
    int rc;

    /* Fds may be left of a packet that is written. */
    if ((rc = virNetWriterAdvance(writer, 0)) <= 0)
        return rc;
    while (writer->head) {
        if (total >= VIR_NET_WRITER_FLUSH_MAX)
            return 0;
        n = virNetSocketWrite(writer->sock, iov, virNetWriterGather(writer, iov));
        if (n <= 0)
            return n;
        total += n;
        if ((rc = virNetWriterAdvance(writer, n)) <= 0)
            return rc;
    }
    return virNetSocketFlush(writer->sock);
}
