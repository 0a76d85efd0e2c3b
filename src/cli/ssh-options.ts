/**
 * How OpenSSH reaches a work VM: its bytes go through `vmgate ssh --stdio`, which the gate's supervisor dials on that
 * VM's link, so no address of the VM means anything to the host. The same options serve `vmgate ssh` (as -o) and
 * `vmgate ssh-config` (as a Host block).
 */
import os from 'node:os';
import path from 'node:path';
import { VmgateError } from '../core/coded.ts';
import { programFile } from '../host/index.ts';
import { type SshAccess, sshAccess } from '../work/index.ts';
import { errors } from './codes.ts';
import type { Gate } from './gate-access.ts';

export type SshOptions = readonly (readonly [keyword: string, value: string])[];

/**
 * @param home root of the home folder; the proxy must find the same one whatever environment ssh is started in
 * @param user the account, where it is not the one that people enter as
 */
export function sshOptions(gate: Gate, name: string, home: string, user?: string): SshOptions {
  const access = accessOf(gate, name, user);
  const elsewhere = home === path.join(os.homedir(), '.vmgate') ? [] : ['env', `VMGATE_HOME=${home}`];
  const proxy = [...elsewhere, process.execPath, programFile('main'), 'ssh', '--stdio', '--gate', gate.name, name];
  return [
    ['HostName', access.hostAlias],
    ['User', access.user],
    ['ProxyCommand', proxy.map(shellWord).join(' ').replaceAll('%', '%%')],
    ['HostKeyAlias', access.hostAlias],
    ['UserKnownHostsFile', configWord(access.knownHosts)],
    ['GlobalKnownHostsFile', 'none'],
    // A seeded VM's key is known before its first boot. A foreign disk's is taken once, on a wire where only it answers.
    ['StrictHostKeyChecking', access.identity === undefined ? 'accept-new' : 'yes'],
    ...identity(access),
    // Nothing of the host goes into a work VM, whatever the user's own configuration says elsewhere.
    ['ForwardAgent', 'no'],
    ['ForwardX11', 'no'],
    ['PermitLocalCommand', 'no'],
  ];
}

/** A VM that vmgate seeds has vmgate's key; on a disk from elsewhere the user's own keys are tried. */
function accessOf({ layout, loaded }: Gate, name: string, user?: string): SshAccess {
  const { source, setUp } = loaded?.config.work.find((work) => work.name === name) ?? {};
  const isSeeded = source === undefined || source.kind === 'template' || setUp !== undefined;
  return sshAccess(layout.work(name), name, isSeeded, user ?? setUp?.user);
}

function identity({ identity: file }: SshAccess): SshOptions {
  if (file === undefined) return [];
  return [
    ['IdentityFile', configWord(file)],
    ['IdentitiesOnly', 'yes'],
    ['IdentityAgent', 'none'],
  ];
}

/** ssh hands the ProxyCommand to the user's shell. */
function shellWord(word: string): string {
  if (/^[\w./:@=-]+$/.test(word)) return word;
  if (/[\n\r\0]/.test(word)) throw VmgateError.of(errors.CLI_PATH_UNQUOTABLE, { path: word });
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** ssh_config(5): double quotes around spaces, `%%` for a percent sign; there is no escape for a quote or for `${`. */
function configWord(file: string): string {
  if (/["\n\r\0]|\$\{/.test(file)) throw VmgateError.of(errors.CLI_PATH_UNQUOTABLE, { path: file });
  return `"${file.replaceAll('%', '%%')}"`;
}
