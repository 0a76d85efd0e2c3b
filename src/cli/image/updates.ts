/** What an open gate's tunnel lets Debian say about the images of this machine. */
import { VmgateError } from '../../core/coded.ts';
import { escapeLine, hostPlatform } from '../../host/index.ts';
import {
  findUpdates,
  type ImageUpdates,
  type ListedImage,
  requireUpdateTools,
  type UpdatesAnswer,
} from '../../image/index.ts';
import { makeCredential, startProxy } from '../../proxy/index.ts';
import type { Context, Input } from '../command.ts';
import { elapsed } from '../elapsed.ts';
import { type Gate, gateOf, requireSupervisor } from '../gate-access.ts';
import { connectThrough, noticesOf, requireOpen } from '../listening.ts';
import { textTable } from '../text-table.ts';

/**
 * apt asks, by a proxy of this run on the loopback that leads into the tunnel and nowhere else.
 *
 * @throws GATE_NOT_VERIFIED before anything is asked, and where the gate closed meanwhile; IMAGE_UPDATES_*
 */
export async function askThroughGate(
  context: Context,
  input: Input,
  images: readonly ListedImage[],
): Promise<UpdatesAnswer> {
  const gate = await gateOf(context, input);
  const client = await requireSupervisor(gate);
  try {
    await requireOpen(gate, client);
  } finally {
    client.close();
  }
  requireUpdateTools();
  context.out.progress(`asking through gate ${gate.name}: about 10 MB of package lists`);
  const waiting = elapsed(context.out, 'asking for package lists');
  try {
    return await throughProxy(context, gate, images);
  } finally {
    waiting.end();
  }
}

async function throughProxy(context: Context, gate: Gate, images: readonly ListedImage[]): Promise<UpdatesAnswer> {
  const notice = noticesOf(context);
  const refusals: VmgateError[] = [];
  const credential = makeCredential();
  const listener = await startProxy({
    place: { kind: 'port', port: 0 },
    credential,
    open: (target) => connectThrough(gate, target, 'vmgate image list'),
    onRefused: (target, fault) => {
      refusals.push(fault);
      notice(`${target}: ${fault.code}: ${fault.what}`);
    },
    onStranger: () => notice('a program of another user was turned away'),
  });
  try {
    const port = listener.place.kind === 'port' ? listener.place.port : 0;
    const proxy = `socks5h://${credential.user}:${credential.password}@127.0.0.1:${port}`;
    const { images: imagesFolder } = context.home();
    return await findUpdates(images, { imagesFolder, proxy, signal: context.interrupted });
  } catch (cause) {
    const closed = refusals.find(({ code }) => code === 'GATE_NOT_VERIFIED');
    const isUnanswered = VmgateError.is(cause) && cause.code === 'IMAGE_UPDATES_UNANSWERED';
    throw isUnanswered && closed !== undefined ? closed : cause;
  } finally {
    listener.close();
  }
}

/** What builds it anew. */
export function rebuildCommand({ manifest: { kind, arch } }: ListedImage, here = hostPlatform().arch): string {
  return `vmgate image build ${kind}${arch === here ? '' : ` --arch ${arch}`}`;
}

/** The count first, then which; what was not had is said before anything that rests on it. */
export function updatesText(
  images: readonly ListedImage[],
  { suites, images: found, evidence }: UpdatesAnswer,
): string {
  const silent = suites.filter(({ answered }) => !answered).map(({ suite, arch }) => `${suite} (${arch})`);
  const asked = suites.filter(({ answered }) => answered).map(({ suite }) => suite);
  const warning = [
    `no answer from ${silent.join(', ')}: there may be more than what follows`,
    ...evidence.map((line) => `  saw: ${escapeLine(line)}`),
  ];
  const blocks = images.flatMap((image) => {
    const updates = found.get(image.digest);
    return updates === undefined ? [] : [blockOf(image, updates)];
  });
  return [
    ...(silent.length === 0 ? [] : [warning.join('\n')]),
    ...blocks,
    `asked: ${[...new Set(asked)].join(', ')}; a build takes what is newest, on a network that you trust`,
  ].join('\n\n');
}

function blockOf(image: ListedImage, updates: ImageUpdates): string {
  const { kind, arch } = image.manifest;
  const { packages, unlisted } = updates;
  const isBare = image.manifest.packages.length === 0;
  const told = isBare ? 'it lists no packages, so nothing is known' : countOf(updates);
  const rows = packages.map(({ name, version, known, security }) => [
    `  ${escapeLine(name)}`,
    escapeLine(version),
    `-> ${escapeLine(known)}`,
    security ? 'security' : '',
  ]);
  const gone = `  in no list, so nothing is known: ${unlisted.map((name) => escapeLine(name)).join(', ')}`;
  return [
    `${kind} (${arch}): ${told}${packages.length === 0 ? '' : `; to build it anew: ${rebuildCommand(image)}`}`,
    ...(rows.length === 0 ? [] : [textTable(rows)]),
    ...(unlisted.length === 0 ? [] : [gone]),
  ].join('\n');
}

function countOf({ packages, complete }: ImageUpdates): string {
  const { length } = packages;
  if (length === 0) return complete ? 'no update known' : 'no update in the lists that came';
  const security = packages.filter((each) => each.security).length;
  const urgent = security === 0 ? '' : `, ${security} of them for security`;
  return `${complete ? '' : 'at least '}${length} ${length === 1 ? 'update' : 'updates'}${urgent}`;
}

/** `updates` of one image under --json; null for one that was not asked about. */
export function updatesFields(image: ListedImage, { images: found }: UpdatesAnswer) {
  const updates = found.get(image.digest);
  if (updates === undefined) return null;
  const { packages, unlisted, complete } = updates;
  const security = packages.filter((each) => each.security).length;
  return { count: packages.length, security, complete, packages, unlisted, rebuild: rebuildCommand(image) };
}
