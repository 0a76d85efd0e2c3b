/** Every setting of wg(8) and wg-quick(8) by name: where it belongs, how many entries it may have, and which are refused. */
import { VmgateError } from '../../core/coded.ts';
import { nearest } from '../../core/nearest.ts';
import { errors } from '../codes.ts';
import { MAX_DNS } from '../kind.ts';
import { at, type Token } from '../positions.ts';
import { mayHoldKey } from './keys.ts';
import type { SectionName } from './syntax.ts';

interface SettingRule {
  readonly section: SectionName;
  /** A list adds up over several lines, to at most this many entries; anything else must not stand twice. */
  readonly entries?: number;
}

const RULES = {
  PrivateKey: { section: '[Interface]' },
  ListenPort: { section: '[Interface]' },
  FwMark: { section: '[Interface]' },
  Address: { section: '[Interface]', entries: 8 },
  DNS: { section: '[Interface]', entries: MAX_DNS },
  MTU: { section: '[Interface]' },
  PublicKey: { section: '[Peer]' },
  PresharedKey: { section: '[Peer]' },
  // "Everything but the local networks" is about 100 prefixes; the gateway reports back up to 1,024 routes.
  AllowedIPs: { section: '[Peer]', entries: 512 },
  Endpoint: { section: '[Peer]' },
  PersistentKeepalive: { section: '[Peer]' },
} as const satisfies Record<string, SettingRule>;

export type Setting = keyof typeof RULES;

const COMMANDS = 'vmgate never runs commands from a profile: they would run with all rights, whoever wrote the file';
const REFUSED: Readonly<Record<string, string>> = {
  PreUp: COMMANDS,
  PostUp: COMMANDS,
  PreDown: COMMANDS,
  PostDown: COMMANDS,
  SaveConfig: 'a running tunnel must not rewrite the profile it was checked from',
  Table: 'the gateway keeps its own routing tables, and its checks prove them',
};

const SETTINGS = Object.keys(RULES) as readonly Setting[];

/**
 * Which setting a key names; names are compared without case.
 *
 * @throws VPN_HOOK_REFUSED, VPN_KEY_MISPLACED, VPN_KEY_UNKNOWN
 */
export function identifySetting(key: Token, section: SectionName, file: string): Setting {
  const hook = Object.keys(REFUSED).find((name) => sameName(name, key.text));
  if (hook !== undefined) {
    throw VmgateError.of(errors.VPN_HOOK_REFUSED, { ...at(file, key), key: hook, reason: REFUSED[hook] ?? '' });
  }
  const setting = SETTINGS.find((name) => sameName(name, key.text));
  if (setting === undefined) throw unknownKey(key, section, file);
  const rule: SettingRule = RULES[setting];
  if (rule.section !== section) {
    const payload = { ...at(file, key), key: setting, section, belongs: rule.section };
    throw VmgateError.of(errors.VPN_KEY_MISPLACED, payload);
  }
  return setting;
}

/** How many entries a list may have; undefined for a setting that is no list. */
export function listLimit(setting: Setting): number | undefined {
  const rule: SettingRule = RULES[setting];
  return rule.entries;
}

/** A name is quoted only when it cannot be a piece of a secret key that lost its `Key =`. */
function unknownKey(key: Token, section: SectionName, file: string): VmgateError {
  const quotable = /^[A-Za-z][A-Za-z0-9]{0,23}$/.test(key.text) && !mayHoldKey(key.text);
  const meant = nearest(key.text, SETTINGS);
  return VmgateError.of(errors.VPN_KEY_UNKNOWN, {
    ...at(file, key),
    key: quotable ? key.text : '',
    section,
    ...(meant === undefined ? {} : { meant }),
  });
}

function sameName(name: string, text: string): boolean {
  return name.toLowerCase() === text.toLowerCase();
}
