//! A handler of `SIGILL` that carries out the AMX instructions of a process on a processor without
//! them: decodes the instruction, does what the manual says to a tile unit of the thread's own,
//! and goes on behind it. Anything it does not know ends the process with a message.

use std::cell::RefCell;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::tile_unit::{Fault, TileUnit};

thread_local! {
    static TILE_UNIT: RefCell<TileUnit> = const { RefCell::new(TileUnit::RELEASED) };
}

/// Tile products carried out by all threads.
static PRODUCTS: AtomicUsize = AtomicUsize::new(0);

/// Installs the handler, once.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
            return;
        }
        // SAFETY: the action is initialised by zeroing and then filled in.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_illegal_instruction as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            assert_eq!(libc::sigaction(libc::SIGILL, &action, std::ptr::null_mut()), 0);
        }
    });
}

/// Tile products carried out so far.
pub fn products() -> usize {
    PRODUCTS.load(Ordering::Relaxed)
}

/// Whether this thread's tiles are released.
pub fn is_released() -> bool {
    TILE_UNIT.with_borrow(|unit| unit.is_released())
}

/// A general register's place in the saved context, by its number in an instruction.
const REGISTERS: [i32; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

extern "C" fn on_illegal_instruction(
    _signal: libc::c_int,
    _info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel passes the interrupted thread's context.
    let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
    let saved = &mut context.uc_mcontext.gregs;
    let registers = REGISTERS.map(|place| saved[place as usize] as u64);
    let rip = &mut saved[libc::REG_RIP as usize];
    // SAFETY: the signal interrupts code that does not hold the unit, on the unit's thread.
    let unit = unsafe { &mut *TILE_UNIT.with(RefCell::as_ptr) };
    for is_first in [true].into_iter().chain(std::iter::repeat(false)) {
        // SAFETY: this many bytes lie well inside the test binary's code.
        let bytes: &[u8; MAX_BYTES] = unsafe { &*(*rip as *const [u8; MAX_BYTES]) };
        let (operation, length) = match decode(bytes, &registers) {
            Ok(decoded) => decoded,
            Err(fault) if is_first => give_up(&fault, bytes),
            // Tile instructions come in runs and change no register: one signal serves a run.
            Err(_) => return,
        };
        // SAFETY: the program executes this instruction; `install` has checked AVX2 and FMA.
        if let Err(fault) = unsafe { execute(unit, &operation) } {
            give_up(&fault, bytes);
        }
        *rip += length as i64;
    }
}

/// A signal handler must not unwind: says what happened and ends the process.
fn give_up(fault: &Fault, bytes: &[u8]) -> ! {
    let mut message = *b"AMX emulation, instruction 00000000000000000000: ";
    for (place, byte) in message[27..47].chunks_exact_mut(2).zip(bytes) {
        let digit = |nibble: u8| b"0123456789abcdef"[nibble as usize];
        place.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    for part in [&message, fault.0.as_bytes(), b"\n"] {
        // SAFETY: the bytes are valid for reading.
        unsafe { libc::write(2, part.as_ptr().cast(), part.len()) };
    }
    // SAFETY: always.
    unsafe { libc::abort() }
}

#[derive(Debug, PartialEq)]
enum Operation {
    Configure { address: u64 },
    Release,
    Zero { tile: usize },
    Load { tile: usize, base: u64, stride: u64 },
    Store { tile: usize, base: u64, stride: u64 },
    DotBf16 { sums: usize, a: usize, b: usize },
}

/// # Safety
/// The addresses are those of an instruction that the program executes; AVX2 and FMA are there.
unsafe fn execute(unit: &mut TileUnit, operation: &Operation) -> Result<(), Fault> {
    // SAFETY: the caller's promise.
    unsafe {
        match *operation {
            Operation::Configure { address } if address % 64 != 0 => {
                Err(Fault("LDTILECFG: not aligned (allowed, but this crate promises it)"))
            }
            Operation::Configure { address } => unit.configure(&*(address as *const [u8; 64])),
            Operation::Release => {
                unit.release();
                Ok(())
            }
            Operation::Zero { tile } => unit.zero(tile),
            Operation::Load { tile, base, stride } => unit.load(tile, base, stride),
            Operation::Store { tile, base, stride } => unit.store(tile, base, stride),
            Operation::DotBf16 { sums, a, b } => {
                PRODUCTS.fetch_add(1, Ordering::Relaxed);
                unit.dot_bf16(sums, a, b)
            }
        }
    }
}

/// Three bytes of VEX prefix, opcode, ModRM, SIB and a displacement of four.
const MAX_BYTES: usize = 10;

/// The operation and the length of the instruction. All have a three-byte VEX prefix for the map
/// 0F38 with W and L zero; bits R, X, B and vvvv are stored inverted.
fn decode(bytes: &[u8; MAX_BYTES], registers: &[u64; 16]) -> Result<(Operation, usize), Fault> {
    let [escape, rxb_map, w_vvvv_l_pp, opcode, modrm, ..] = *bytes;
    if escape != 0xc4 || rxb_map & 0x1f != 2 || w_vvvv_l_pp & 0x84 != 0 {
        return Err(Fault("not an instruction of the VEX map 0F38 with W and L zero"));
    }
    let (r, x, b) = (!rxb_map >> 7 & 1, !rxb_map >> 6 & 1, !rxb_map >> 5 & 1);
    let vvvv = (!w_vvvv_l_pp >> 3 & 15) as usize;
    let (reg, rm) = ((r << 3 | modrm >> 3 & 7) as usize, (b << 3 | modrm & 7) as usize);
    let is_register = modrm >> 6 == 3;
    if opcode != 0x5c && vvvv != 0 {
        return Err(Fault("an operand in vvvv that the instruction does not have"));
    }
    let memory = || address(bytes, [x, b], registers);
    let operation = match (opcode, w_vvvv_l_pp & 3, is_register) {
        (0x49, 0, true) if modrm == 0xc0 => Operation::Release,
        (0x49, 3, true) if rm == 0 => Operation::Zero { tile: reg },
        (0x5c, 2, true) => Operation::DotBf16 { sums: reg, a: rm, b: vvvv },
        (0x49, 0, false) if reg == 0 => {
            let memory = memory()?;
            let address = memory.base.wrapping_add(memory.index);
            return Ok((Operation::Configure { address }, memory.length));
        }
        (0x4b, prefix, false) if prefix != 0 && modrm & 7 == 4 => {
            let Memory { base, index: stride, length } = memory()?;
            let operation = match prefix {
                2 => Operation::Store { tile: reg, base, stride },
                _ => Operation::Load { tile: reg, base, stride },
            };
            return Ok((operation, length));
        }
        _ => return Err(Fault("an instruction that is not emulated")),
    };
    Ok((operation, 5))
}

/// A memory operand: base with displacement, scaled index, and the instruction's length.
struct Memory {
    base: u64,
    index: u64,
    length: usize,
}

fn address(
    bytes: &[u8; MAX_BYTES],
    [x, b]: [u8; 2],
    registers: &[u64; 16],
) -> Result<Memory, Fault> {
    let (modrm, sib) = (bytes[4], bytes[5]);
    let (has_sib, mode) = (modrm & 7 == 4, modrm >> 6);
    let base_bits = if has_sib { sib & 7 } else { modrm & 7 };
    if mode == 0 && base_bits == 5 {
        return Err(Fault("an address without base register is not emulated"));
    }
    let index = match (x << 3 | sib >> 3 & 7) as usize {
        index if has_sib && index != 4 => registers[index] << (sib >> 6),
        _ => 0,
    };
    let at = if has_sib { 6 } else { 5 };
    let (displacement, length) = match mode {
        0 => (0, at),
        1 => (bytes[at] as i8 as i64, at + 1),
        _ => {
            let word = bytes[at..at + 4].try_into().expect("four bytes");
            (i32::from_le_bytes(word) as i64, at + 4)
        }
    };
    let base = registers[(b << 3 | base_bits) as usize].wrapping_add_signed(displacement);
    Ok(Memory { base, index, length })
}

mod tests {
    use super::*;

    /// Encodings as the GNU assembler writes them.
    #[test]
    fn instructions_decode() {
        let registers: [u64; 16] = std::array::from_fn(|i| 0x1000 * i as u64);
        use Operation::*;
        for (bytes, want) in [
            (&[0xc4, 0xe2, 0x78, 0x49, 0xc0][..], Release),
            (&[0xc4, 0xe2, 0x78, 0x49, 0x00], Configure { address: 0 }),
            (&[0xc4, 0xe2, 0x78, 0x49, 0x44, 0x24, 0x40], Configure { address: 0x4040 }),
            (&[0xc4, 0xe2, 0x7b, 0x49, 0xd8], Zero { tile: 3 }),
            (&[0xc4, 0xe2, 0x4a, 0x5c, 0xc4], DotBf16 { sums: 0, a: 4, b: 6 }),
            (&[0xc4, 0xe2, 0x42, 0x5c, 0xdd], DotBf16 { sums: 3, a: 5, b: 7 }),
            (&[0xc4, 0xe2, 0x7b, 0x4b, 0x24, 0x0a], Load { tile: 4, base: 0x2000, stride: 0x1000 }),
            (
                &[0xc4, 0xa2, 0x79, 0x4b, 0x6c, 0x5e, 0xc0],
                Load { tile: 5, base: 0x6000 - 64, stride: 0x16000 },
            ),
            (
                &[0xc4, 0x82, 0x7b, 0x4b, 0xbc, 0x05, 0, 4, 0, 0],
                Load { tile: 7, base: 0xd400, stride: 0x8000 },
            ),
            (&[0xc4, 0xc2, 0x7a, 0x4b, 0x0c, 0x22], Store { tile: 1, base: 0xa000, stride: 0 }),
        ] {
            let mut padded = [0x90; MAX_BYTES];
            padded[..bytes.len()].copy_from_slice(bytes);
            assert_eq!(decode(&padded, &registers), Ok((want, bytes.len())), "{bytes:x?}");
        }
    }

    #[test]
    fn other_instructions_fault() {
        for bytes in [
            [0x0f, 0x0b, 0, 0, 0],          // UD2
            [0xc4, 0xe2, 0x79, 0x49, 0x00], // STTILECFG
            [0xc4, 0xe2, 0x4b, 0x5e, 0xc4], // TDPBSSD
            [0xc4, 0xe2, 0x7b, 0x4b, 0x00], // TILELOADD without SIB
            [0xc4, 0xe2, 0x73, 0x4b, 0x04], // TILELOADD with vvvv
            [0xc4, 0xe2, 0xca, 0x5c, 0xc4], // W = 1
        ] {
            let mut padded = [0x90; MAX_BYTES];
            padded[..5].copy_from_slice(&bytes);
            assert!(decode(&padded, &[0; 16]).is_err(), "{bytes:x?}");
        }
    }
}
