/*
 * boot.S: a guest that fits into a boot sector and does what it is told
 *
 * Reads single letters from the first serial port and answers each with the same
 * letter before it acts, so that whoever sent it knows it was heard. On start it
 * sends 'B'. Real mode, no interrupts of its own; the BIOS is used for loading and
 * for the letter d only.
 *
 *   h  halt until the next letter (a guest that is idle)
 *   c  pvpanic, bit 1: GUEST_CRASHLOADED, goes on
 *   d  read the second sector of the second disk, whatever comes of it (QEMU itself reads
 *      the first, as it starts)
 *   p  pvpanic, bit 0: GUEST_PANICKED
 *   b  the same 4,096 times (a burst)
 *   s  pvpanic, bit 1, again and again until the next letter (a storm)
 *   t  write the clock: RTC_CHANGE
 *   w  start the ib700's watchdog with no time left: WATCHDOG, what then is as -action says
 *   z  suspend to memory through ACPI: SUSPEND; whatever wakes it resets it
 *   y  suspend to disk through ACPI, as far as QEMU goes: SUSPEND_DISK, and then SHUTDOWN
 *   r  reset by the keyboard controller: RESET with guest: true
 *   f  triple fault: RESET or SHUTDOWN, as -action says
 *   o  switch off through ACPI, as the pc machine decodes it: SHUTDOWN with guest: true
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
        .code16
        .text
        .globl _start

        .set    COM1, 0x3f8             /* data; line status at +5 */
        .set    PVPANIC, 0x505          /* default ioport of QEMU's pvpanic */
        .set    BUFFER, 0x8000          /* behind this sector */
        .set    CMOS_INDEX, 0x70
        .set    CMOS_DATA, 0x71
        .set    PM1_CNT_PIIX4, 0x604    /* where SeaBIOS puts PM1a_CNT of the pc machine */
        .set    SLP_EN, 0x2000          /* into the state that the three bits below it name */
        .set    SLP_TYP_S3, 0x0400      /* in QEMU's tables; S5 is 0 */
        .set    SLP_TYP_S4, 0x0800
        .set    WATCHDOG, 0x443         /* ib700: starts it, with the time that 15 names: none */

_start:
        cli
        ljmp    $0, $begin
begin:
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movb    $'B', %al
        call    put

next:
        call    get
        call    put
        cmpb    $'h', %al
        je      next
        cmpb    $'c', %al
        je      crashload
        cmpb    $'d', %al
        je      disk
        cmpb    $'p', %al
        je      panic
        cmpb    $'b', %al
        je      burst
        cmpb    $'s', %al
        je      storm
        cmpb    $'t', %al
        je      clock
        cmpb    $'r', %al
        je      reset
        cmpb    $'w', %al
        je      watchdog
        cmpb    $'z', %al
        je      suspend
        cmpb    $'y', %al
        je      hibernate
        cmpb    $'f', %al
        je      fault
        cmpb    $'o', %al
        je      off
        jmp     next

crashload:
        movw    $PVPANIC, %dx
        movb    $2, %al
        outb    %al, %dx
        jmp     next

disk:
        sti
        movw    $0x0201, %ax            /* read, one sector */
        movw    $2, %cx                 /* the second; they count from 1 */
        movw    $0x81, %dx
        movw    $BUFFER, %bx
        int     $0x13
        cli
        jmp     next

panic:
        movw    $PVPANIC, %dx
        movb    $1, %al
        outb    %al, %dx
        jmp     next

burst:
        movw    $4096, %cx
        movw    $PVPANIC, %dx
        movb    $2, %al
1:      outb    %al, %dx
        loop    1b
        jmp     next

storm:
        movw    $256, %cx
1:      movw    $PVPANIC, %dx
        movb    $2, %al
        outb    %al, %dx
        loop    1b
        movw    $COM1 + 5, %dx
        inb     %dx, %al
        testb   $1, %al
        jz      storm
        jmp     next

        /* Minutes of the clock become 42. QEMU tells a change of the clock as an
         * event when the guest sets it. */
clock:
        movb    $2, %al
        outb    %al, $CMOS_INDEX
        movb    $0x42, %al
        outb    %al, $CMOS_DATA
        jmp     next

watchdog:
        movw    $WATCHDOG, %dx
        movb    $15, %al
        outb    %al, %dx
        jmp     next

reset:
        movb    $0xfe, %al
        outb    %al, $0x64
        jmp     halt

        /* No handler, no handler for that, nor for that. */
fault:
        lidt    nothing
        int3

suspend:
        movw    $SLP_EN | SLP_TYP_S3, %ax
        jmp     enter

hibernate:
        movw    $SLP_EN | SLP_TYP_S4, %ax
        jmp     enter

off:
        movw    $SLP_EN, %ax
enter:
        movw    $PM1_CNT_PIIX4, %dx
        outw    %ax, %dx
halt:
        hlt
        jmp     halt

        /* Sends %al; keeps all registers but %dx and %ah. */
put:
        movb    %al, %ah
        movw    $COM1 + 5, %dx
1:      inb     %dx, %al
        testb   $0x20, %al
        jz      1b
        movb    %ah, %al
        movw    $COM1, %dx
        outb    %al, %dx
        ret

        /* Waits for a letter, into %al. Polls, but yields to the BIOS's timer tick in
         * between, so that an idle guest doesn't keep its host's processor busy. */
get:
        movw    $COM1 + 5, %dx
        sti
1:      inb     %dx, %al
        testb   $1, %al
        jnz     2f
        hlt
        jmp     1b
2:      cli
        movw    $COM1, %dx
        inb     %dx, %al
        ret

nothing:
        .word   0
        .long   0

        .org    510
        .word   0xaa55
