/** `head,key=value,..` with commas in values doubled, QEMU's only escape: a path cannot smuggle in an option. */
export function option(head: string, values: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(values).map(([key, value]) => `${key}=${String(value).replaceAll(',', ',,')}`);
  return [head.replaceAll(',', ',,'), ...pairs].join(',');
}
