//! The frame of the measured programs, without the core: what is to be subtracted.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod target {
    use core::hint::black_box;

    #[cortex_m_rt::entry]
    fn main() -> ! {
        let mut bytes = [0u8; 64];
        loop {
            black_box(&mut bytes);
        }
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        loop {
            cortex_m::asm::wfi();
        }
    }
}

#[cfg(not(target_os = "none"))]
fn main() {}
