/**
 * The files that the gateway's openconnect is run with, written from {@link OpenConnectSettings} alone (openconnect(8),
 * 9.12). It runs twice (provision/gateway, vmgate-openconnect): the first time it logs in and proves the server, the second
 * time it has a cookie and carries packets. It opens its sockets and one interface that was made for it, as a user without
 * rights; addresses, routes and names that the server sends are told, judged on the host and set by the gateway.
 */
import type { OpenConnectSettings } from './parse.ts';

export interface ClientSocket {
  /** The pinned literal address. */
  readonly address: string;
  readonly localPort: number;
}

export interface LoginAnswers {
  readonly user: string;
  readonly password: string;
  /** A one-time code, asked for behind the password. */
  readonly code: string | undefined;
}

const FOLDER = '/run/vmgate/openconnect/client';
const SCRIPT = '/usr/sbin/vmgate-openconnect-script';
/** How soon a silent server is noticed, seconds; the gate's own pulse is faster. */
const DPD_SECONDS = 5;

/** File name to content; secrets among them: for the gateway's stdin alone. The answers come last. */
export function renderFiles(
  settings: OpenConnectSettings,
  login: LoginAnswers | undefined,
  socket: ClientSocket,
): ReadonlyMap<string, string> {
  const { authorities, client } = settings;
  return new Map([
    ...(authorities.length > 0 ? [['ca.pem', joined(authorities)] as const] : []),
    ...(client === undefined
      ? []
      : ([
          ['own.pem', joined(client.certificates)],
          ['own.key', client.key],
        ] as const)),
    ['login.conf', lines(loginLines(settings, login, socket))],
    ['session.conf', lines(sessionLines(settings, socket))],
    ['answers', login === undefined ? '' : lines([login.password, ...(login.code === undefined ? [] : [login.code])])],
  ]);
}

function loginLines(
  settings: OpenConnectSettings,
  login: LoginAnswers | undefined,
  socket: ClientSocket,
): readonly string[] {
  const { pins, authorities, authgroup } = settings;
  return [
    'authenticate',
    ...commonLines(settings, socket),
    ...pins.map((pin) => `servercert=${pin}`),
    ...(authorities.length > 0 ? [`cafile=${FOLDER}/ca.pem`] : []),
    ...(login === undefined ? [] : [`user=${login.user}`, 'passwd-on-stdin']),
    // With a code the second question is answered from stdin too, and then there is nothing more to read.
    ...(login?.code === undefined ? ['non-inter'] : []),
    ...(authgroup === undefined ? [] : [`authgroup=${authgroup}`]),
  ];
}

/** Which key the server must show comes from the first run. */
function sessionLines(settings: OpenConnectSettings, socket: ClientSocket): readonly string[] {
  return [
    'cookie-on-stdin',
    ...commonLines(settings, socket),
    `script=${SCRIPT}`,
    // One more try at once, and no other: the next attempt is the gate's, with everything verified again.
    'reconnect-timeout=1',
    `force-dpd=${DPD_SECONDS}`,
    `dtls-local-port=${socket.localPort}`,
    ...(settings.dtls ? [] : ['no-dtls']),
    'no-deflate',
  ];
}

function commonLines(
  { protocol, host, port, group, client, verbatim, ipv6 }: OpenConnectSettings,
  socket: ClientSocket,
): readonly string[] {
  return [
    `server=https://${host}:${port}/${group}`,
    // It looks nothing up: the host did, and judged what came back.
    `resolve=${host}:${socket.address}`,
    `protocol=${protocol.name}`,
    ...['no-system-trust', 'no-proxy', 'local-hostname=localhost'],
    ...(ipv6 ? [] : ['disable-ipv6']),
    ...(client === undefined ? [] : [`certificate=${FOLDER}/own.pem`, `sslkey=${FOLDER}/own.key`]),
    ...verbatim.map(([name, value]) => (value === undefined ? name : `${name}=${value}`)),
  ];
}

function joined(pems: readonly string[]): string {
  return pems.map((pem) => `${pem.trim()}\n`).join('');
}

function lines(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join('');
}
