// The reference that `initlab bench` compares inits with: the system calls that an init has to make,
// and nothing around them. No options, no messages, no error handling that costs a call.
//
//     reference COMMAND [ARGUMENT...]
//
// It forwards signals to the command's process group, reaps, and exits as the command did. Built
// with -DBLIND it reaps without looking first, which is cheaper, and wrong: once a process is
// reaped its ID may belong to another one, so a signal that is sent afterwards may hit a stranger.

#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// The layout of the kernel's sigaction: the C library's own function hides some signals.
struct kernel_sigaction {
    void (*handler)(int);
    unsigned long flags;
#ifdef SA_RESTORER
    void (*restorer)(void);
#endif
    uint64_t mask;
};

static const uint64_t ALL = ~UINT64_C(0);

static void set_mask(const uint64_t *mask, uint64_t *old) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, old, sizeof *mask);
}

// The child shares our memory, and we sleep, until its program runs: no signal can be forwarded to
// a command that has no session yet.
static pid_t start(char **argv, const uint64_t *mask) {
    pid_t child = vfork();
    if (child != 0)
        return child;
    setsid();
    ioctl(0, TIOCSCTTY, 0);
    // Only now: a stop signal from the terminal could stop the child before.
    set_mask(mask, NULL);
    execvp(argv[0], argv);
    _exit(127);
}

// Reaps every child that has ended; exits when no child is left.
static void reap(pid_t command, int *status) {
    for (;;) {
#ifdef BLIND
        int ended;
        pid_t pid = wait4(-1, &ended, WNOHANG | __WALL, NULL);
        if (pid == 0)
            return;
        if (pid < 0)
            _exit(WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status));
        if (pid == command)
            *status = ended;
#else
        siginfo_t info;
        info.si_pid = 0;
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0)
            _exit(WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status));
        if (info.si_pid == 0)
            return;
        if (info.si_pid == command) {
            // Not reaped yet: the group cannot belong to anybody else.
            kill(-command, SIGTERM);
            wait4(command, status, WNOHANG | __WALL, NULL);
        } else {
            wait4(info.si_pid, NULL, WNOHANG | __WALL, NULL);
        }
#endif
    }
}

int main(int argc, char **argv) {
    uint64_t mask;
    set_mask(&ALL, &mask);
    struct kernel_sigaction standard = {.handler = SIG_DFL};
    syscall(SYS_rt_sigaction, SIGCHLD, &standard, NULL, sizeof mask);
    if (argc < 2)
        return 125;
    if (getpid() != 1)
        prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
    pid_t session;
    if (ioctl(0, TIOCGSID, &session) == 0 && session == getpid())
        ioctl(0, TIOCNOTTY);
    pid_t command = start(argv + 1, &mask);
    if (command < 0)
        return 125;
    chdir("/");
    syscall(SYS_close_range, 3L, ~0U, 0L);
    int status = 0;
    for (;;) {
        reap(command, &status);
        int signal = syscall(SYS_rt_sigtimedwait, &ALL, NULL, NULL, sizeof ALL);
        if (signal > 0 && signal != SIGCHLD)
            kill(-command, signal);
    }
}
