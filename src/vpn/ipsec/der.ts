/** A certificate's bytes, DER or already PEM, as PEM; whether it is one is asked where it is used. */
export function derToPem(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes);
  if (buffer.subarray(0, 10).toString('latin1') === '-----BEGIN') return buffer.toString('latin1');
  const lines = buffer.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
