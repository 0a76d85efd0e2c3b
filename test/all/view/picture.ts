/** A PNG as QEMU writes it (8 bits, RGB or RGBA, not interlaced), as pixels: https://www.w3.org/TR/png-3/ */
import { inflateSync } from 'node:zlib';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue. */
  readonly at: (x: number, y: number) => readonly [number, number, number];
  /** How many pixels are so. */
  readonly count: (matches: (red: number, green: number, blue: number) => boolean) => number;
}

const CHANNELS: Readonly<Record<number, number>> = { 2: 3, 6: 4 };

/** @throws when it is of another form */
export function readPicture(png: Buffer): Picture {
  const [width, height, depth, colour, interlaced] = [
    png.readUInt32BE(16),
    png.readUInt32BE(20),
    png[24],
    png[25] ?? 0,
    png[28],
  ];
  const channels = CHANNELS[colour];
  if (depth !== 8 || channels === undefined || interlaced !== 0) throw new Error('a PNG of another form');
  const pixels = unfiltered(inflateSync(Buffer.concat(dataOf(png))), width * channels, height, channels);
  const at = (x: number, y: number) => {
    const start = (y * width + x) * channels;
    return [pixels[start] ?? 0, pixels[start + 1] ?? 0, pixels[start + 2] ?? 0] as const;
  };
  const count = (matches: (red: number, green: number, blue: number) => boolean) => {
    let found = 0;
    for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) if (matches(...at(x, y))) found += 1;
    return found;
  };
  return { width, height, at, count };
}

function dataOf(png: Buffer): readonly Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 8; at + 12 <= png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return parts;
}

/** Section 9: each line is told as what it differs by from the one above and the pixel before. */
function unfiltered(raw: Buffer, line: number, height: number, channels: number): Buffer {
  const pixels = Buffer.alloc(line * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (line + 1)];
    for (let x = 0; x < line; x += 1) {
      const left = x < channels ? 0 : (pixels[y * line + x - channels] ?? 0);
      const up = y === 0 ? 0 : (pixels[(y - 1) * line + x] ?? 0);
      const corner = y === 0 || x < channels ? 0 : (pixels[(y - 1) * line + x - channels] ?? 0);
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
      pixels[y * line + x] = ((raw[y * (line + 1) + 1 + x] ?? 0) + guess) & 0xff;
    }
  }
  return pixels;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [byLeft, byUp, byCorner] = [left, up, corner].map((value) => Math.abs(guess - value));
  if ((byLeft ?? 0) <= (byUp ?? 0) && (byLeft ?? 0) <= (byCorner ?? 0)) return left;
  return (byUp ?? 0) <= (byCorner ?? 0) ? up : corner;
}
