/**
 * What a VirtualBox machine file says of its machine. Layout: VirtualBox's VirtualBox-settings.xsd; its versions 1.12 to
 * 1.19 differ in where StorageControllers stand, so elements are looked for below the machine at any depth.
 */
import { elementsBelow, parseXml, type XmlElement } from './xml.ts';

export interface VboxMachine {
  readonly name: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly firmware: 'bios' | 'uefi';
  /** `compat` unless its card and its disk are virtio's: its system has no drivers for others. */
  readonly hardware: 'virtio' | 'compat';
  /** As written: relative to the file's folder, or absolute. Hostile text. */
  readonly disk: string;
}

export type VboxReading =
  | { readonly kind: 'machine'; readonly machine: VboxMachine }
  | { readonly kind: 'differencing'; readonly disk: string }
  | { readonly kind: 'encrypted'; readonly disk: string }
  | { readonly kind: 'refused'; readonly why: string };

const [MAX_CPUS, MAX_MEMORY_MIB, LEAST_MEMORY_MIB] = [64, 262_144, 64];

export function readVbox(text: string): VboxReading {
  const refused = (why: string): VboxReading => ({ kind: 'refused', why });
  const root = parseXml(text);
  if ('why' in root) return refused(`it is not XML: ${root.why}`);
  const [machine] = elementsBelow(root, 'Machine');
  if (root.name !== 'VirtualBox' || machine === undefined) return refused('it is not a VirtualBox machine');
  const attached = elementsBelow(machine, 'AttachedDevice').filter(
    ({ attributes }) => attributes['type'] === 'HardDisk',
  );
  const [device] = attached;
  if (device === undefined || attached.length !== 1) return refused(`it has ${attached.length} hard disks, not one`);
  const uuid = device.children.find(({ name }) => name === 'Image')?.attributes['uuid'];
  const media = elementsBelow(machine, 'HardDisks').flatMap(({ children }) => children);
  const whole = media.find(({ attributes }) => attributes['uuid'] === uuid);
  const disk = whole?.attributes['location'];
  if (whole === undefined || disk === undefined || uuid === undefined) {
    const child = media
      .flatMap((each) => elementsBelow(each, 'HardDisk'))
      .find((each) => each.attributes['uuid'] === uuid);
    const over = child?.attributes['location'];
    return over === undefined
      ? refused('it does not say where its hard disk lies')
      : { kind: 'differencing', disk: over };
  }
  if (elementsBelow(whole, 'Property').some(({ attributes }) => attributes['name']?.startsWith('CRYPT/') === true)) {
    return { kind: 'encrypted', disk };
  }
  const controller = elementsBelow(machine, 'StorageController').find(({ children }) => children.includes(device));
  return {
    kind: 'machine',
    machine: {
      name: machine.attributes['name'] ?? '',
      cpus: within(number(machine, 'CPU', 'count') ?? 1, 1, MAX_CPUS),
      memoryMiB: within(number(machine, 'Memory', 'RAMSize') ?? 2_048, LEAST_MEMORY_MIB, MAX_MEMORY_MIB),
      firmware: firmwareOf(machine),
      hardware: usesVirtio(machine, controller) ? 'virtio' : 'compat',
      disk,
    },
  };
}

function number(machine: XmlElement, element: string, attribute: string): number | undefined {
  const text = elementsBelow(machine, element)[0]?.attributes[attribute] ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

function within(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

function firmwareOf(machine: XmlElement): 'bios' | 'uefi' {
  const type = elementsBelow(machine, 'Firmware')[0]?.attributes['type'] ?? 'BIOS';
  return type.startsWith('EFI') ? 'uefi' : 'bios';
}

function usesVirtio(machine: XmlElement, controller: XmlElement | undefined): boolean {
  const cards = elementsBelow(machine, 'Adapter').filter(({ attributes }) => attributes['enabled'] === 'true');
  const card = cards[0]?.attributes['type'];
  return card === 'virtio' && controller?.attributes['type']?.startsWith('Virtio') === true;
}
