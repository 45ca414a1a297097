/*
 * virtmon_catalogue.h: what is known of QEMU's events beyond what a QEMU tells of them
 *
 * Which of libvirt's typed events follow from one, for whoever wants something that lasts; and
 * which QEMU holds back. The events that a QEMU has, and their data, are in virtmon_schema.h.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#pragma once

#include <stddef.h>

/* An event of libvirt's that follows from one of QEMU's. */
typedef struct {
    const char *event;          /* QEMU's name */
    const char *typed;          /* the name that the command "event" has for libvirt's */
    int id;                     /* its VIR_DOMAIN_EVENT_ID_* */
} virtmonCounterpart;

/* All of them, those of one event beside each other; made from src/qemu/qemu_typed_events.list
 * when this is built. */
extern const virtmonCounterpart virtmonCounterparts[];
extern const size_t virtmonCounterpartsCount;

/* Of the events within such a time QEMU tells the first at once, and at its end the last. */
typedef struct {
    const char *event;
    int ms;
    const char *per;            /* for each value of this member on its own; NULL: for all */
} virtmonRateLimit;

/**
 * virtmonCatalogueCounterparts:
 * @count: where the number of them goes
 *
 * Returns the counterparts of @event, in an array that stays; NULL if it has none.
 */
const virtmonCounterpart *virtmonCatalogueCounterparts(const char *event, size_t *count);
/* NULL: every one is told. */
const virtmonRateLimit *virtmonCatalogueRateLimit(const char *event);
/* The names of all events that anything is known of, once each, in no order; the caller frees
 * them. */
char **virtmonCatalogueNames(void);
