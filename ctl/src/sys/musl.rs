//! What Rust's standard library for glibc and its unwinder ask of glibc, and musl does not have.
//! Who links them together is `proto/link.rs`.

#![expect(
    unsafe_code,
    reason = "names of libc, and the program's own headers in memory"
)]

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null;

use nix::libc::{AT_PHDR, AT_PHNUM, Elf64_Phdr, PT_GNU_EH_FRAME, PT_LOAD, getauxval};

/// Which glibc this is: none that has anything. The standard library then starts programs with
/// fork(2) and exec(2), as it does for every libc that it does not know.
#[unsafe(no_mangle)]
extern "C" fn gnu_get_libc_version() -> *const c_char {
    c"0.0".as_ptr()
}

/// `struct dl_find_object` of glibc's `dlfcn.h`.
#[repr(C)]
struct Object {
    flags: u64,
    start: *const c_void,
    end: *const c_void,
    link_map: *const c_void,
    eh_frame: *const c_void,
    reserved: [u64; 7],
}

/// Where the unwinder finds the frames of the function at `address`: 0, or -1 when it has none.
/// There is one object, and it is where its headers say (`-no-pie`).
#[unsafe(no_mangle)]
extern "C" fn _dl_find_object(address: *const c_void, object: *mut Object) -> c_int {
    // SAFETY: the kernel tells where it has put the headers of the program and how many there
    // are (getauxval(3)), and they stay there.
    let headers = unsafe {
        let (headers, count) = (getauxval(AT_PHDR), getauxval(AT_PHNUM));
        std::slice::from_raw_parts(headers as *const Elf64_Phdr, count as usize)
    };
    let start = |header: &Elf64_Phdr| header.p_vaddr as usize;
    let end = |header: &Elf64_Phdr| start(header) + header.p_memsz as usize;
    let holds = |header: &&Elf64_Phdr| (start(header)..end(header)).contains(&address.addr());
    let of_kind = |kind| headers.iter().filter(move |header| header.p_type == kind);
    let frames = of_kind(PT_GNU_EH_FRAME).next();
    let (Some(code), Some(frames)) = (of_kind(PT_LOAD).find(holds), frames) else {
        return -1;
    };
    // SAFETY: the unwinder gives room for one.
    unsafe {
        object.write(Object {
            flags: 0,
            start: start(code) as *const c_void,
            end: end(code) as *const c_void,
            link_map: null(),
            eh_frame: start(frames) as *const c_void,
            reserved: [0; 7],
        });
    }
    0
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    #[test]
    fn a_panic_finds_its_way_out_and_programs_are_started() {
        let panicked = thread::spawn(|| panic!("on purpose")).join();
        assert!(panicked.is_err());
        let printed = Command::new("echo").arg("all is well").output().unwrap();
        assert_eq!(printed.stdout, b"all is well\n");
    }
}
