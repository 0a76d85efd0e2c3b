/** Encoding of SSH messages: RFC 4251 section 5. The reader is for hostile input: it never reads past the end. */

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** `string`: length and bytes. */
export function sshString(content: Uint8Array | string): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([u32(bytes.length), bytes]);
}

/** What is not SSH encoding; whoever reads foreign bytes catches it and makes a typed answer of it. */
export class MalformedSsh extends Error {
  override readonly name = 'MalformedSsh';
}

export class SshReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  take(length: number): Buffer {
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw new MalformedSsh('ends in the middle of a field');
    const taken = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return taken;
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  string(): Buffer {
    return this.take(this.u32());
  }

  text(): string {
    return this.string().toString('latin1');
  }

  /** A positive `mpint` without its sign byte. */
  integer(): Buffer {
    const bytes = this.string();
    if (((bytes[0] ?? 0) & 0x80) !== 0) throw new MalformedSsh('a negative number');
    const start = bytes.findIndex((byte) => byte !== 0);
    return start === -1 ? Buffer.alloc(0) : bytes.subarray(start);
  }

  expect(magic: string): void {
    if (this.take(magic.length).toString('latin1') !== magic) throw new MalformedSsh(`does not begin with ${magic}`);
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#offset);
  }

  end(): void {
    if (this.#offset !== this.#bytes.length) throw new MalformedSsh('has bytes after its end');
  }
}
