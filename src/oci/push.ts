/** Writing to a registry: what is there already is asked for, not sent. Blobs first, the manifest that names them last. */
import { occur, VmgateError } from '../core/coded.ts';
import { messageOf } from '../host/index.ts';
import type { RegistryClient } from './client.ts';
import { errors, events } from './codes.ts';
import { type Descriptor, type INDEX_TYPE, MANIFEST_TYPE } from './manifest.ts';
import { type Answer, BrokenLine, discard, readBody } from './wire.ts';

/** Bytes to send, or the file that holds them. */
export type Content = Uint8Array | { readonly file: string };

const MAX_COMPLAINT = 65_536;
/** Times that an upload is begun. */
const ATTEMPTS = 3;

/** False when it was there already. @throws REGISTRY_ANSWER_UNEXPECTED, and what {@link RegistryClient.ask} throws */
export async function pushBlob(client: RegistryClient, blob: Descriptor, content: Content): Promise<boolean> {
  const { digest } = blob;
  const looked = await client.ask({
    method: 'HEAD',
    to: `blobs/${digest}`,
    right: 'push',
    again: true,
    doing: `looking for ${digest}`,
  });
  discard(looked);
  if (looked.status === 200) return false;
  // An upload that was begun is nobody's until it is complete: a new one may be begun as often as one likes.
  for (let attempt = 1; ; attempt++) {
    try {
      await upload(client, blob, content);
      return true;
    } catch (cause) {
      if (attempt >= ATTEMPTS || !isPassing(cause)) throw cause;
      await client.pause(messageOf(cause), attempt);
    }
  }
}

async function upload(client: RegistryClient, { digest, size }: Descriptor, content: Content): Promise<void> {
  const doing = `sending ${digest}`;
  const begun = await client.ask({ method: 'POST', to: 'blobs/uploads/', right: 'push', again: false, doing });
  if (begun.status !== 202) throw await refused(client, begun, doing);
  discard(begun);
  const to = uploadTarget(client, begun, doing);
  to.searchParams.set('digest', digest);
  const tell = (bytes: number) =>
    client.tell(occur(events.REGISTRY_TRANSFER, { direction: 'push', digest, bytes, total: size }));
  const done = await client.ask({
    method: 'PUT',
    to,
    headers: { 'content-type': 'application/octet-stream' },
    body: content instanceof Uint8Array ? content : { file: content.file, bytes: size },
    onSent: everySoOften(size, tell),
    right: 'push',
    again: false,
    doing,
  });
  if (done.status !== 201) throw await refused(client, done, doing);
  discard(done);
  if (content instanceof Uint8Array) tell(size);
}

/** Where the upload goes on: the registry itself, or the content and the login would go to whoever it names. */
function uploadTarget(client: RegistryClient, { headers, url }: Answer, doing: string): URL {
  const { location } = headers;
  if (location === undefined || !URL.canParse(location, url.href)) {
    throw client.unexpected(doing, 'it does not say where to send it');
  }
  const to = new URL(location, url);
  if (to.origin !== client.origin.origin) throw client.unexpected(doing, `it wants it sent to ${to.origin}`);
  return to;
}

/** @throws REGISTRY_ANSWER_UNEXPECTED, and what {@link RegistryClient.ask} throws */
export async function pushManifest(
  client: RegistryClient,
  name: string,
  bytes: Buffer,
  mediaType: typeof MANIFEST_TYPE | typeof INDEX_TYPE = MANIFEST_TYPE,
): Promise<void> {
  const doing = `writing the manifest ${name}`;
  const answer = await client.ask({
    method: 'PUT',
    to: `manifests/${name}`,
    headers: { 'content-type': mediaType },
    body: bytes,
    right: 'push',
    again: true,
    doing,
  });
  if (answer.status !== 201) throw await refused(client, answer, doing);
  discard(answer);
}

/** The registry's own words are the best there is to say; they are shown escaped, as everybody's are. */
async function refused(client: RegistryClient, answer: Answer, doing: string): Promise<VmgateError> {
  const words = await readBody(answer, MAX_COMPLAINT, 'its answer').catch(() => Buffer.alloc(0));
  return client.unexpected(doing, `status ${answer.status} ${words.toString('utf8').trim().slice(0, 300)}`.trim());
}

function isPassing(cause: unknown): boolean {
  return VmgateError.is(cause) && (cause.cause instanceof BrokenLine || cause.code === errors.REGISTRY_BUSY.code);
}

const TOLD_EVERY_BYTES = 8_388_608;

function everySoOften(size: number, tell: (bytes: number) => void): (bytes: number) => void {
  let told = 0;
  return (bytes) => {
    if (bytes - told < TOLD_EVERY_BYTES && bytes < size) return;
    told = bytes;
    tell(bytes);
  };
}
