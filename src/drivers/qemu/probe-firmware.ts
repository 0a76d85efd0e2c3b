/**
 * Firmware of the guests that try an accelerator: each switches its machine off, and that is all they do.
 *
 * The x86 one first goes the way of a kernel: protected mode, paging, long mode, and an instruction of the kind that
 * CPUID announces. A KVM that runs under another hypervisor without its help (pvm) emulates such a guest one
 * instruction after the other. Its emulator knows real mode and the old encodings, so a shorter guest ends well; the
 * kernel's decompressor uses BMI2 where CPUID has it, and stops there for ever.
 */

const ROM_BYTES = 65_536;
const RESET_VECTOR = ROM_BYTES - 16;
/** Where the code stands in the ROM, and where real mode and 32-bit code see it: below 1 MiB too, as every PC's. */
const CODE = 0xff00;

/** Intel SDM vol. 3A: 10.8.5 (to long mode), 5.5 (page tables), 3.4.5 (descriptors). One array for each instruction. */
const AMD64_CODE: readonly (readonly number[])[] = [
  [0xfa], //                                           cli
  [0x2e, 0x66, 0x0f, 0x01, 0x16, 0xa8, 0xff], //       lgdt cs:[GDTR]
  [0x0f, 0x20, 0xc0], //                               mov eax, cr0
  [0x0c, 0x01], //                                     or al, 1 (PE)
  [0x0f, 0x22, 0xc0], //                               mov cr0, eax
  [0x66, 0xea, 0x18, 0xff, 0x0f, 0x00, 0x18, 0x00], // jmp 0x18:0xfff18, the next line as 32-bit code
  [0xb0, 0x10], //                                     mov al, 0x10
  [0x0f, 0xb6, 0xc0], //                               movzx eax, al
  [0x8e, 0xd8], //                                     mov ds, eax
  [0x8e, 0xd0], //                                     mov ss, eax
  [0xc7, 0x05, ...dword(0x1000), ...dword(0x2003)], // mov [0x1000], 0x2003: PML4 -> PDPT
  [0xc7, 0x05, ...dword(0x2000), ...dword(0x3003)], // mov [0x2000], 0x3003: PDPT -> PD
  [0xc7, 0x05, ...dword(0x3000), ...dword(0x83)], //   mov [0x3000], 0x83: the first 2 MiB, one page
  [0xb8, ...dword(0x1000)], //                         mov eax, 0x1000
  [0x0f, 0x22, 0xd8], //                               mov cr3, eax
  [0xb8, ...dword(0x20)], //                           mov eax, 0x20 (PAE)
  [0x0f, 0x22, 0xe0], //                               mov cr4, eax
  [0xb9, ...dword(0xc0000080)], //                     mov ecx, EFER
  [0x31, 0xd2], //                                     xor edx, edx
  [0xb8, ...dword(0x100)], //                          mov eax, 0x100 (LME)
  [0x0f, 0x30], //                                     wrmsr
  [0xb8, ...dword(0x80000001)], //                     mov eax, PG | PE
  [0x0f, 0x22, 0xc0], //                               mov cr0, eax
  [0xea, 0x6c, 0xff, 0x0f, 0x00, 0x08, 0x00], //       jmp 0x08:0xfff6c, the next line as 64-bit code
  [0xb8, ...dword(7)], //                              mov eax, 7
  [0x31, 0xc9], //                                     xor ecx, ecx
  [0x0f, 0xa2], //                                     cpuid
  [0x0f, 0xba, 0xe3, 0x08], //                         bt ebx, 8 (BMI2)
  [0x73, 0x05], //                                     jnc over the next
  [0xc4, 0xe2, 0xf9, 0xf7, 0xc0], //                   shlx rax, rax, rax
  [0xb0, 0x2a], //                                     mov al, 0x2a
  [0xe6, 0xf4], //                                     out 0xf4, al: isa-debug-exit ends QEMU with 2 * 0x2a + 1
  [0xf4], //                                           hlt
  [0x0f, 0x1f, 0x00], //                               nop, to where the descriptors are looked for
  [0, 0, 0, 0, 0, 0, 0, 0], //                         GDT, 0x00
  [0xff, 0xff, 0, 0, 0, 0x9b, 0xaf, 0], //             0x08: 64-bit code
  [0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0], //             0x10: data
  [0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0], //             0x18: 32-bit code
  [0x1f, 0x00, ...dword(0xfff88)], //                  GDTR: its limit and place
];

/** x86 starts 16 bytes before its firmware's end: `jmp CODE`. */
export const AMD64_PROBE = amd64();

/**
 * `virt` starts at the first byte of its flash: PSCI SYSTEM_OFF (0x84000008) by hypervisor call, Arm DEN 0022.
 * `movz w0, #8; movk w0, #0x8400, lsl #16; hvc #0; b .`
 */
export const ARM64_PROBE = words([0x52800100, 0x72b08000, 0xd4000002, 0x14000000]);

function amd64(): Buffer {
  const rom = Buffer.alloc(ROM_BYTES);
  rom.set(AMD64_CODE.flat(), CODE);
  rom.writeUInt8(0xe9, RESET_VECTOR);
  rom.writeInt16LE(CODE - (RESET_VECTOR + 3), RESET_VECTOR + 1);
  return rom;
}

function words(code: readonly number[]): Buffer {
  const rom = Buffer.alloc(4_096);
  for (const [index, word] of code.entries()) rom.writeUInt32LE(word, index * 4);
  return rom;
}

function dword(value: number): number[] {
  return [0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff);
}
