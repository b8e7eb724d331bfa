//! The kernel's interface: all that the compiler cannot check.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

/// What the filter calls this machine; none where it is not known.
pub(super) const ARCHITECTURE: Option<u32> = if cfg!(target_arch = "x86_64") {
    Some(0xc000_003e)
} else if cfg!(target_arch = "aarch64") {
    Some(0xc000_00b7)
} else {
    None
};

/// A call that waits for an answer.
pub(super) struct Notice {
    pub(super) id: u64,
    /// The thread that made it.
    pub(super) caller: i32,
    pub(super) call: libc::c_long,
    pub(super) arguments: [u64; 6],
}

/// Offsets of what a filter is given: the call's number, the architecture, and the halves of its fifth argument.
const NUMBER: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const ADDRESS: u32 = 16 + 4 * 8;

/// The filter: it has the calls told that can name an address or give a socket one, and lets all others go on.
pub(super) fn program(architecture: u32) -> Vec<libc::sock_filter> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let line = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt,
        jf,
        k,
    };
    let number = |call: libc::c_long| u32::try_from(call).unwrap_or(u32::MAX);
    vec![
        line(LOAD, ARCHITECTURE_AT, 0, 0),
        line(EQUAL, architecture, 0, 11),
        line(LOAD, NUMBER, 0, 0),
        line(EQUAL, number(libc::SYS_connect), 10, 0),
        line(EQUAL, number(libc::SYS_sendmsg), 9, 0),
        line(EQUAL, number(libc::SYS_sendmmsg), 8, 0),
        line(EQUAL, number(libc::SYS_listen), 7, 0),
        line(EQUAL, number(libc::SYS_bind), 6, 0),
        line(EQUAL, number(libc::SYS_sendto), 0, 4),
        // Without an address it is a write.
        line(LOAD, ADDRESS, 0, 0),
        line(EQUAL, 0, 0, 3),
        line(LOAD, ADDRESS + 4, 0, 0),
        line(EQUAL, 0, 0, 1),
        line(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
        line(RETURN, libc::SECCOMP_RET_USER_NOTIF, 0, 0),
    ]
}

/// Calls `seccomp`.
fn seccomp<T>(operation: libc::c_uint, flags: libc::c_ulong, argument: &mut T) -> io::Result<libc::c_long> {
    // SAFETY: the kernel reads or writes no more than the structure that each operation is given below.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, operation, flags, std::ptr::from_mut(argument)) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// Whether the kernel's notices are those of this program: it writes as much as it has.
pub(super) fn notices_fit() -> io::Result<()> {
    let mut sizes = libc::seccomp_notif_sizes { seccomp_notif: 0, seccomp_notif_resp: 0, seccomp_data: 0 };
    seccomp(libc::SECCOMP_GET_NOTIF_SIZES, 0, &mut sizes)?;
    let fits = usize::from(sizes.seccomp_notif) <= size_of::<libc::seccomp_notif>()
        && usize::from(sizes.seccomp_notif_resp) <= size_of::<libc::seccomp_notif_resp>();
    if fits { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
}

/// Puts the calling thread under a filter.
pub(super) fn install(program: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    let mut program = libc::sock_fprog {
        len: libc::c_ushort::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: program.as_ptr().cast_mut(),
    };
    let mut with = |flags| seccomp(libc::SECCOMP_SET_MODE_FILTER, flags, &mut program);
    // Without the second, older kernels have programs under a filter compute more slowly.
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // Where the kernel knows that, a signal does not begin a call again that is told already.
    let descriptor = match with(flags | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => with(flags)?,
        other => other?,
    };
    let descriptor = i32::try_from(descriptor).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel has just made the descriptor, and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// The next call that waits.
pub(super) fn receive(listener: BorrowedFd<'_>) -> io::Result<Notice> {
    // SAFETY: all of it is numbers, for which zeros are a value; the kernel wants them.
    let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    let (descriptor, place) = (listener.as_raw_fd(), &raw mut notice);
    // SAFETY: the kernel writes a notice, whose size was compared when the listener was made.
    if unsafe { libc::ioctl(descriptor, libc::SECCOMP_IOCTL_NOTIF_RECV, place) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Notice {
        id: notice.id,
        caller: notice.pid.cast_signed(),
        call: libc::c_long::from(notice.data.nr),
        arguments: notice.data.args,
    })
}

/// Whether the call waits still, so that its caller is the one that made it.
pub(super) fn is_valid(listener: BorrowedFd<'_>, id: u64) -> bool {
    let (descriptor, place) = (listener.as_raw_fd(), &raw const id);
    // SAFETY: the kernel reads the number.
    unsafe { libc::ioctl(descriptor, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, place) == 0 }
}

/// Has the kernel make the call. Where its caller was ended there is nothing to make.
pub(super) fn let_go_on(listener: BorrowedFd<'_>, id: u64) {
    let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or_default();
    let mut answer = libc::seccomp_notif_resp { id, val: 0, error: 0, flags };
    let (descriptor, place) = (listener.as_raw_fd(), &raw mut answer);
    // SAFETY: the kernel reads an answer, whose size was compared when the listener was made.
    unsafe { libc::ioctl(descriptor, libc::SECCOMP_IOCTL_NOTIF_SEND, place) };
}
