/** Reads back what writeCpio wrote, by the kernel's description of the format and nothing of ours. */
export interface CpioFile {
  readonly name: string;
  readonly mode: number;
  readonly data: Buffer;
}

/** The entries of one or several concatenated archives. @throws RangeError where the kernel would give up */
export function readCpio(archive: Buffer): readonly CpioFile[] {
  const files: CpioFile[] = [];
  for (let at = 0; at < archive.length; ) {
    // Zero bytes stand between archives.
    if (archive[at] === 0) {
      at += 1;
      continue;
    }
    const header = archive.toString('latin1', at, at + 110);
    if (!/^070701[0-9a-f]{104}$/i.test(header)) throw new RangeError(`no header at ${at}`);
    const field = (index: number) => Number.parseInt(header.slice(6 + index * 8, 14 + index * 8), 16);
    const nameEnd = at + 110 + field(11);
    const dataAt = Math.ceil(nameEnd / 4) * 4;
    const name = archive.toString('utf8', at + 110, nameEnd - 1);
    if (dataAt + field(6) > archive.length || archive[nameEnd - 1] !== 0) throw new RangeError(`cut off at ${at}`);
    if (name !== 'TRAILER!!!') files.push({ name, mode: field(1), data: archive.subarray(dataAt, dataAt + field(6)) });
    at = Math.ceil((dataAt + field(6)) / 4) * 4;
  }
  return files;
}
