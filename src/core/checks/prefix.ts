/** Addresses and prefixes as they come from kernels, servers and configurations. */
import { Address4, Address6 } from 'ip-address';
import { canonicalIpv6 } from '../ipv6.ts';

/** One address of either family, without a prefix length. */
export function isAddress(text: unknown): text is string {
  return typeof text === 'string' && !text.includes('/') && (Address4.isValid(text) || Address6.isValid(text));
}

/** Whether an address or prefix lies inside another. What cannot be read lies nowhere and holds nothing. */
export function within(inner: string, outer: string): boolean {
  if (Address4.isValid(inner) && Address4.isValid(outer)) return new Address4(inner).isInSubnet(new Address4(outer));
  if (Address6.isValid(inner) && Address6.isValid(outer)) return new Address6(inner).isInSubnet(new Address6(outer));
  return false;
}

/** A prefix in one form: network address and length. What is none as it is. */
export function canonicalPrefix(prefix: string): string {
  if (!Address4.isValid(prefix)) return canonicalIpv6(prefix) ?? prefix;
  const address = new Address4(prefix);
  return `${address.startAddress().correctForm()}/${address.subnetMask}`;
}
