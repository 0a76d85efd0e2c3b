/**
 * A guest of seventy bytes, so that driver tests need no kernel image: boots as a bzImage, says hello on COM1, sends
 * back what it reads there, and switches itself off by ACPI when it reads `q`. Boot protocol: Linux's
 * Documentation/arch/x86/boot.rst; QEMU jumps to the setup code at offset 0x200, in real mode.
 */
const SETUP = 0x200;
const CODE = 0x280;

export const HELLO = 'vmgate test guest';
export const POWER_OFF = 'q';

export function tinyKernel(): Buffer {
  const image = Buffer.alloc(6 * 512);
  image[0x1f1] = 4; // setup sectors after the first
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.set([0xeb, CODE - SETUP - 2], SETUP); // jmp over the header
  image.write('HdrS', 0x202);
  image.writeUInt16LE(0x0204, 0x206); // protocol 2.04
  image[0x211] = 0x01; // loaded high
  image.writeUInt32LE(0x0010_0000, 0x214);
  image.writeUInt32LE(0x37ff_ffff, 0x22c); // highest initrd address
  image.set(PROGRAM, CODE);
  image.write(`${HELLO}\r\n\0`, CODE + PROGRAM.length);
  return image;
}

// biome-ignore format: one instruction a line
const PROGRAM = [
  0xfa,               // 00       cli
  0x8c, 0xc8,         // 01       mov %cs, %ax
  0x8e, 0xd0,         // 03       mov %ax, %ss
  0xbc, 0x00, 0x40,   // 05       mov $0x4000, %sp
  0xbe, 0xc6, 0x00,   // 08       mov $text, %si
  0x2e, 0xac,         // 0b next: lodsb %cs:(%si), %al
  0x84, 0xc0,         // 0d       test %al, %al
  0x74, 0x05,         // 0f       jz echo
  0xe8, 0x17, 0x00,   // 11       call put
  0xeb, 0xf5,         // 14       jmp next
  0xba, 0xfd, 0x03,   // 16 echo: mov $0x3fd, %dx      line status
  0xec,               // 19 wait: in %dx, %al
  0xa8, 0x01,         // 1a       test $1, %al         a byte is there
  0x74, 0xfb,         // 1c       jz wait
  0xba, 0xf8, 0x03,   // 1e       mov $0x3f8, %dx
  0xec,               // 21       in %dx, %al
  0x3c, 0x71,         // 22       cmp $'q', %al
  0x74, 0x16,         // 24       je off
  0xe8, 0x02, 0x00,   // 26       call put
  0xeb, 0xeb,         // 29       jmp echo
  0x88, 0xc4,         // 2b put:  mov %al, %ah
  0xba, 0xfd, 0x03,   // 2d       mov $0x3fd, %dx
  0xec,               // 30 full: in %dx, %al
  0xa8, 0x20,         // 31       test $0x20, %al      room for a byte
  0x74, 0xfb,         // 33       jz full
  0x88, 0xe0,         // 35       mov %ah, %al
  0xba, 0xf8, 0x03,   // 37       mov $0x3f8, %dx
  0xee,               // 3a       out %al, %dx
  0xc3,               // 3b       ret
  0xba, 0x04, 0x06,   // 3c off:  mov $0x604, %dx      q35's PM1a control
  0xb8, 0x00, 0x20,   // 3f       mov $0x2000, %ax     S5, enable
  0xef,               // 42       out %ax, %dx
  0xf4,               // 43 stop: hlt
  0xeb, 0xfd,         // 44       jmp stop
]; // 46 text:
