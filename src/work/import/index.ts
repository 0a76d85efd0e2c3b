/** Machines and disks made elsewhere, as work VMs. */
export { importDisk } from './import.ts';
export { type ImportedDisk, type ImportSource, readImportSource } from './source.ts';
export type { VboxMachine } from './vbox.ts';
