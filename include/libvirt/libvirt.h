/*
 * libvirt.h: the API for applications, all of it but the QEMU-only part
 *
 * Names, numbers and layouts are libvirt's of the version that
 * LIBVIR_VERSION_NUMBER names; what isn't declared here isn't offered.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#ifndef LIBVIRT_H
#define LIBVIRT_H

#define VIRTMON_LIBVIRT_H_INCLUDES
#include <libvirt/libvirt-common.h>
#include <libvirt/libvirt-host.h>
#include <libvirt/libvirt-domain.h>
#include <libvirt/libvirt-event.h>
#undef VIRTMON_LIBVIRT_H_INCLUDES

#include <libvirt/virterror.h>

#endif /* LIBVIRT_H */
