//! The first instructions, in place of the C library's.
//!
//! The library prepares variables of threads, locales and streams, none of
//! which we use: 2.6 kB, 5 % of the binary, two of sixteen system calls, and a
//! page of memory. `cargo xtask dist` sets `own_start` and begins here, so that
//! the linker drops the library's start files; in other builds the library calls
//! `main`.
//!
//! # Safety
//!
//! The kernel starts a program with the stack pointer at the number of
//! arguments, behind which `argv` and the environment lie, each closed by a null
//! pointer (the ABI's "initial process stack"). A C function wants the stack
//! pointer aligned, and on some architectures a frame and a table of contents.

use core::arch::naked_asm;
use core::ffi::c_char;

/// Where the kernel begins (`e_entry` of the ELF header).
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn own_start() -> ! {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "xor ebp, ebp",
        "mov rdi, rsp",
        "and rsp, -16",
        "call {start}",
        start = sym start,
    );
    #[cfg(target_arch = "x86")]
    naked_asm!(
        "xor ebp, ebp",
        "mov eax, esp",
        "and esp, -16",
        "sub esp, 12",
        "push eax",
        "call {start}",
        start = sym start,
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "mov x29, #0",
        "mov x30, #0",
        "mov x0, sp",
        "and sp, x0, #-16",
        "b {start}",
        start = sym start,
    );
    #[cfg(target_arch = "arm")]
    naked_asm!(
        "mov fp, #0",
        "mov lr, #0",
        "mov r0, sp",
        "bic r1, r0, #15",
        "mov sp, r1",
        "bl {start}",
        start = sym start,
    );
    #[cfg(target_arch = "riscv64")]
    naked_asm!(
        ".option push",
        ".option norelax",
        "lla gp, __global_pointer$",
        ".option pop",
        "mv a0, sp",
        "andi sp, sp, -16",
        "tail {start}",
        start = sym start,
    );
    // The kernel enters with its address in r12.
    #[cfg(target_arch = "powerpc64")]
    naked_asm!(
        "addis 2, 12, .TOC.-own_start@ha",
        "addi 2, 2, .TOC.-own_start@l",
        ".localentry own_start, .-own_start",
        "mr 3, 1",
        "clrrdi 1, 1, 4",
        "li 0, 0",
        "stdu 0, -32(1)",
        "mtlr 0",
        "bl {start}",
        "nop",
        start = sym start,
    );
    #[cfg(target_arch = "s390x")]
    naked_asm!(
        "lgr %r2, %r15",
        "aghi %r15, -160",
        "lghi %r0, 0",
        "stg %r0, 0(%r15)",
        "jg {start}",
        start = sym start,
    );
    #[cfg(target_arch = "loongarch64")]
    naked_asm!(
        "move $fp, $zero",
        "move $a0, $sp",
        "bstrins.d $sp, $zero, 3, 0",
        "bl {start}",
        start = sym start,
    );
}

unsafe extern "C" fn start(stack: *mut usize) -> ! {
    // SAFETY: the number of arguments is there, and so many slots and a null
    // pointer follow.
    let (argv, environment) = unsafe {
        let argv = stack.add(1);
        (argv, argv.add(*stack + 1))
    };
    super::begin(
        argv.cast::<*mut c_char>(),
        environment.cast::<*mut c_char>(),
    )
}
