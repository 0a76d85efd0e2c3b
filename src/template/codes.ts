/** Error codes of the template room. */
import { type ConfigIssue, renderIssue } from '../config/index.ts';
import { error, errorCodes } from '../core/coded.ts';

const template = { exit: 6, source: 'user' } as const;
const asked = { exit: 2, source: 'user' } as const;

const issue: ConfigIssue = {
  file: 'dev/template.yaml',
  line: 9,
  column: 3,
  key: 'vm.provision',
  message: 'this version cannot run provision scripts',
};

export const errors = errorCodes({
  TEMPLATE_UNREADABLE: error<{ place: string; why: string }>({
    ...asked,
    what: ({ place, why }) => `there is no template in ${place}: ${why}`,
    remedy: () => 'name one of: vmgate template list, or a folder with a template.yaml: vmgate template new FOLDER',
    sample: { place: './dev', why: 'it has no template.yaml' },
  }),
  TEMPLATE_FILES_REFUSED: error<{ path: string; why: string }>({
    ...template,
    what: ({ path, why }) => `the file ${JSON.stringify(path)} cannot be part of a template: ${why}`,
    remedy: () => 'a template has plain files below one folder: no links, no devices, no two names that differ in case',
    sample: { path: '../../.ssh/authorized_keys', why: 'its path leads out of the folder' },
  }),
  TEMPLATE_INVALID: error<{ issues: readonly ConfigIssue[] }>({
    ...template,
    what: ({ issues: [first = issue, ...more] }) =>
      renderIssue(first) + (more.length === 0 ? '' : ` (and ${more.length} more below)`),
    remedy: ({ issues: [first = issue] }) =>
      `correct ${first.file} at line ${first.line}; every key is described by: vmgate schema --template`,
    sample: { issues: [issue] },
  }),
  TEMPLATE_SECRET: error<{ file: string; line: number; column: number; what: string }>({
    ...template,
    what: ({ file, line, column, what }) => `${file}:${line}:${column}: ${what} does not belong into a template`,
    remedy: ({ file, line }) =>
      `take line ${line} out of ${file}, and if anybody has seen it, make a new key; a profile is added by: vmgate vpn add`,
    sample: { file: 'dev/template.yaml', line: 7, column: 11, what: 'what looks like a private key' },
  }),
  TEMPLATE_NEEDS_NEWER: error<{ name: string; minimum: string; version: string }>({
    ...template,
    what: ({ name, minimum, version }) => `${name} needs vmgate ${minimum} or newer; this is ${version}`,
    remedy: () => 'install a newer vmgate, or take an older version of the template',
    sample: { name: 'dev/template.yaml', minimum: '1.4.0', version: '0.1.0' },
  }),
  TEMPLATE_BASE_REFUSED: error<{ base: string; why: string }>({
    ...template,
    what: ({ base, why }) => `the template ${JSON.stringify(base)} cannot be extended: ${why}`,
    remedy: () => 'look at it: vmgate template show NAME prints its digest; then name that digest in extends',
    sample: { base: './base', why: `its digest is sha256:${'3f'.repeat(32)}, not sha256:${'a0'.repeat(32)}` },
  }),
  TEMPLATE_CONFLICT: error<{ key: string; one: string; other: string; why: string }>({
    ...asked,
    what: ({ key, one, other, why }) => `${key} cannot be both ${one} and ${other}: ${why}`,
    remedy: ({ key }) => `decide for one ${key}, and take the other out of its file`,
    sample: {
      key: 'vpn',
      one: 'dev: {"endpoint":"vpn.acme.example:51820"}',
      other: 'bank: {"endpoint":"vpn.bank.example:51820"}',
      why: 'one gate has one VPN',
    },
  }),
  TEMPLATE_VALUE_MISSING: error<{ name: string; about: string; type: string }>({
    ...asked,
    what: ({ name, about, type }) => `the template needs a value for ${name} (${type}): ${about}`,
    remedy: ({ name }) => `say it: vmgate init TEMPLATE --set ${name}=VALUE`,
    sample: { name: 'disk', about: 'the disk image to boot', type: 'path' },
  }),
  TEMPLATE_VALUE_INVALID: error<{ name: string; why: string }>({
    ...asked,
    what: ({ name, why }) => `the value for ${name} ${why}`,
    remedy: ({ name }) => `say another one: --set ${name}=VALUE`,
    sample: { name: 'memory', why: 'must be a size in MiB or GiB, for example 4GiB' },
  }),
  TEMPLATE_VPN_UNSAID: error<{ template: string; key: string }>({
    ...template,
    what: ({ template: name, key }) => `${name} does not say vpn.${key}, so no profile can be made for it here`,
    remedy: () => 'ask whoever made it to add that, or for a profile: vmgate vpn add NAME FILE',
    sample: { template: 'registry.example.com/team/dev:3', key: 'endpoint' },
  }),
  TEMPLATE_VPN_NO_REQUEST: error<{ template: string; kind: string }>({
    ...asked,
    what: ({ template: name, kind }) => `${name} is for a VPN of kind ${kind}, whose profiles are made by the server`,
    remedy: () => 'ask whoever runs the server for a profile, then: vmgate init TEMPLATE --vpn-file FILE',
    sample: { template: 'registry.example.com/team/dev:3', kind: 'openvpn' },
  }),
  TEMPLATE_VPN_MISMATCH: error<{ key: string; needed: string; found: string; profile: string }>({
    ...asked,
    what: ({ key, needed, found, profile }) =>
      `the VPN profile ${profile} is not the one the template asks for: its ${key} is ${found}, not ${needed}`,
    remedy: () => 'use the profile that whoever made the template gave you: vmgate init TEMPLATE --vpn-file FILE',
    sample: { key: 'endpoint', needed: 'vpn.acme.example:51820', found: 'vpn.other.example:51820', profile: 'acme' },
  }),
});
