/* The empty command: what it costs to start a program, and no more. */
void _start(void)
{
#if defined(__x86_64__)
	__asm__ volatile("syscall" : : "a"(231), "D"(0)); /* exit_group(0) */
#elif defined(__aarch64__)
	register long call __asm__("x8") = 94;
	register long status __asm__("x0") = 0;
	__asm__ volatile("svc 0" : : "r"(call), "r"(status));
#else
#error "no empty command for this architecture yet: add its exit_group(0)"
#endif
	__builtin_unreachable();
}
