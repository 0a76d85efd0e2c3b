/** How the system in a work VM is set up: the part of its entry in vmgate.yaml that is said to the guest. */
import * as z from 'zod';
import { readPortalUrl } from '../core/portal.ts';
import { sha256 } from '../host/index.ts';
import { DURATION_PATTERN, formatDuration, parseDuration } from './quantities.ts';

export interface ProvisionStep {
  readonly name: string;
  readonly script: string;
  /** `sha256:<hex>` of name and script: a VM remembers by it what ran. */
  readonly digest: string;
}

export interface ReadyProbe {
  readonly script: string;
  readonly hint: string;
  readonly withinMs: number;
}

export interface SetUp {
  /** An account beside root, which `vmgate ssh` enters. */
  readonly user: string | undefined;
  /** For cloud-init, as it stands in the file. */
  readonly userData: string | undefined;
  /** Of template: browser. */
  readonly browser: { readonly homePage: string | undefined; readonly keepProfile: boolean } | undefined;
  readonly provision: readonly ProvisionStep[];
  readonly ready: readonly ReadyProbe[];
}

const READY = { leastMs: 1_000, mostMs: 3_600_000, default: '2m' } as const;
const MOST = { scripts: 32, packages: 200, characters: 32_768 } as const;

export function isWithin(value: number | undefined, least: number, most: number): boolean {
  return value !== undefined && value >= least && value <= most;
}

export function duration({ leastMs, mostMs }: { readonly leastMs: number; readonly mostMs: number }) {
  const range = `${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
  return z
    .string({ error: 'must be a duration with its unit, for example 30s' })
    .regex(DURATION_PATTERN, { error: 'must be a duration with its unit, for example 30s', abort: true })
    .refine((text) => isWithin(parseDuration(text), leastMs, mostMs), { error: `must be ${range}` });
}

export const script = z
  .string()
  .min(1)
  .max(MOST.characters)
  .refine((text) => !text.includes('\0'), { error: 'must be text' });
const line = z.string().regex(/^[^\p{Cc}]{1,200}$/u, { error: 'must be one line of 1 to 200 characters' });

/** Of template: browser. */
export const browser = {
  homePage: z
    .string()
    .max(2_048)
    .refine(isPage, { error: 'must be an http or https URL without user and password, or about:blank' })
    .optional()
    .meta({ description: 'the page it opens with; a blank one unless said' }),
  keepProfile: z.boolean().optional().meta({
    description: 'cookies, history and logins stay on its disk; unless said they lie in RAM and are gone at its stop',
  }),
} as const;

/** Keys of a work VM. */
export const setUp = {
  cloudInit: z.boolean().optional().meta({
    description: 'the system on `disk` or `oci` is set up by cloud-init: it gets a seed with name, keys and user',
  }),
  user: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,30}$/, { error: 'must be 1 to 31 of a-z, 0-9 and "-", beginning with a letter' })
    .refine((name) => name !== 'root', { error: 'must be another one than root, who is there anyway' })
    .optional()
    .meta({ description: 'an account beside root, made at the first boot; vmgate ssh enters as it' }),
  userData: script
    .optional()
    .meta({ description: 'user-data of cloud-init, given to it as it stands here; with cloudInit' }),
  browser: z.strictObject(browser).optional().meta({ description: 'what the browser of template: browser does' }),
  packages: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9.+-]{0,62}$/i, { error: 'must be the name of a package' }))
    .min(1)
    .max(MOST.packages)
    .optional()
    .meta({ description: "installed by the system's own package manager, through the tunnel, before provision" }),
  provision: z
    .array(z.strictObject({ name: line, script }))
    .max(MOST.scripts)
    .refine((steps) => new Set(steps.map(({ name }) => name)).size === steps.length, {
      error: 'must have a name of its own for each script',
    })
    .optional()
    .meta({
      description: 'scripts run once as root, in this order, by vmgate start; a failed one is where it goes on',
    }),
  ready: z
    .array(z.strictObject({ script, hint: line, within: duration(READY).optional() }))
    .max(MOST.scripts)
    .optional()
    .meta({
      description: `start waits until each ends with status 0, at most ${READY.default} unless within says more`,
    }),
} as const;

function isPage(text: string): boolean {
  return (text === 'about:blank' || readPortalUrl(text) !== undefined) && !/\p{Cc}/u.test(text);
}

/** Debian that vmgate built. */
function isBuilt(template: string | undefined): boolean {
  return template === 'debian' || template === 'browser';
}

type SetUpFile = z.infer<z.ZodObject<typeof setUp>>;
type Written = SetUpFile & {
  readonly template?: string | undefined;
  readonly disk?: string | undefined;
  readonly oci?: string | undefined;
  readonly hardware?: string | undefined;
};

/** What is wrong with the keys together; undefined when nothing is. */
export function setUpFault(vm: Written): string | undefined {
  const keys = (['user', 'userData', 'packages', 'provision', 'ready'] as const).filter((key) => vm[key] !== undefined);
  if (vm.cloudInit !== undefined && vm.disk === undefined && vm.oci === undefined)
    return 'has cloudInit, which belongs to a disk';
  if (vm.userData !== undefined && vm.cloudInit !== true)
    return 'has userData, which only cloud-init reads: a disk with cloudInit: true';
  if (vm.browser !== undefined && vm.template !== 'browser') return 'has browser, which belongs to template: browser';
  if (isBuilt(vm.template) && vm.hardware === 'compat') return 'has hardware: compat, which belongs to a disk';
  if (keys.length === 0 || isBuilt(vm.template) || vm.cloudInit === true) return undefined;
  return `has ${keys.join(' and ')}, which vmgate can do only for template: debian or browser and for a disk with cloudInit: true`;
}

/** Undefined for a VM that vmgate has no say in. */
export function completeSetUp(vm: Written): SetUp | undefined {
  if (!isBuilt(vm.template) && vm.cloudInit !== true) return undefined;
  const packages = vm.packages === undefined ? [] : [{ name: 'packages', script: packageScript(vm.packages) }];
  const written = [...packages, ...(vm.provision ?? [])];
  return {
    user: vm.user,
    userData: vm.userData,
    browser:
      vm.template === 'browser'
        ? { homePage: vm.browser?.homePage, keepProfile: vm.browser?.keepProfile ?? false }
        : undefined,
    provision: written.map((step) => ({ ...step, digest: sha256(`${step.name}\n${step.script}`) })),
    ready: (vm.ready ?? []).map(({ script: text, hint, within = READY.default }) => ({
      script: text,
      hint,
      withinMs: parseDuration(within) ?? 0,
    })),
  };
}

/** Names were judged: nothing in them means anything to a shell. */
function packageScript(packages: readonly string[]): string {
  const names = packages.join(' ');
  return `#!/bin/sh
set -e
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  apt-get install --yes --no-install-recommends ${names}
elif command -v dnf >/dev/null; then
  dnf install --assumeyes ${names}
elif command -v apk >/dev/null; then
  apk add ${names}
else
  echo 'this system has none of apt-get, dnf, apk' >&2
  exit 1
fi
`;
}
