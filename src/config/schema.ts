/**
 * What vmgate.yaml may say. Strict everywhere: a misspelt key that is ignored is a protection that is not there.
 * Ages and periods have hard upper bounds (P7): no configuration keeps an old verification alive.
 */
import * as z from 'zod';
import { readPortalUrl } from '../core/portal.ts';
import { MAX_NAME } from '../home/index.ts';
import { EGRESS_BOUNDS, egress } from './egress-values.ts';
import { isExitUrl, prefixFault } from './exit-values.ts';
import { ociImage } from './oci-image.ts';
import { ports } from './ports.ts';
import { parseSizeMiB, SIZE_PATTERN } from './quantities.ts';
import { browser, duration, isWithin, script, setUp } from './set-up.ts';
import { failover, vpn } from './vpn-values.ts';

export const BOUNDS = {
  /** How often an open gate is verified anew. */
  every: { leastMs: 5_000, mostMs: 300_000 },
  /** How old a verification may be that a `start` relies on. */
  maxAge: { leastMs: 10_000, mostMs: 600_000 },
  memory: { leastMiB: 64, mostMiB: 262_144 },
  cpus: { least: 1, most: 64 },
  workVms: 30,
  templates: 8,
} as const;

export const DEFAULTS = {
  gate: 'default',
  every: '30s',
  maxAge: '60s',
  cpus: 1,
  hardware: 'virtio',
  display: 'none',
  firmware: 'bios',
  onLoss: 'block',
  notify: true,
  /** Answers 204 and nothing else, as Chromium's own probe. */
  portalProbe: 'http://connectivitycheck.gstatic.com/generate_204',
  rebinding: 'allow',
} as const;

/** From the one that takes least away from a work VM to the one that takes most. */
export const ON_LOSS = ['block', 'pause', 'stop'] as const;

/** Names of gates and work VMs are parts of socket paths. */
const name = z.string().regex(new RegExp(`^[a-z][a-z0-9-]{0,${MAX_NAME - 1}}$`), {
  error: `must be 1 to ${MAX_NAME} of a-z, 0-9 and "-", beginning with a letter`,
});

const memory = z
  .string({ error: 'must be a size with its unit, for example 4GiB' })
  .regex(SIZE_PATTERN, { error: 'must be a size in MiB or GiB, for example 4GiB', abort: true })
  .refine((text) => isWithin(parseSizeMiB(text), BOUNDS.memory.leastMiB, BOUNDS.memory.mostMiB), {
    error: `must be ${BOUNDS.memory.leastMiB}MiB to ${BOUNDS.memory.mostMiB / 1_024}GiB`,
  });

/** A path on this machine; relative ones start at the file's folder. No newline or NUL ever reaches an argv. */
const path = z
  .string()
  .regex(/^[^\p{Cc}]{1,1024}$/u, { error: 'must be a path of 1 to 1024 characters without control characters' });

const prefix = z.string().superRefine((text, context) => {
  const fault = prefixFault(text);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
});

const expect = z.union([
  z.array(prefix).min(1).max(64),
  z.strictObject({
    json: z
      .record(z.string().min(1).max(64), z.union([z.string().max(256), z.number(), z.boolean()]))
      .refine((fields) => Object.keys(fields).length > 0, { error: 'must name at least one field' }),
  }),
]);

const exit = z.strictObject({
  url: z
    .string()
    .max(2_048)
    .refine(isExitUrl, { error: 'must be an https URL (http inside the tunnel), without user, password or fragment' })
    .meta({ description: 'asked through the tunnel; tells the address or a field' }),
  expect: expect.meta({ description: 'prefixes the answer must lie in, or JSON fields it must have' }),
});

/** One for each architecture; which one counts is the machine's matter. */
const from = z
  .array(
    z.strictObject({
      arch: z.enum(['amd64', 'arm64']),
      url: z
        .string()
        .max(2_048)
        .refine((text) => isExitUrl(text) && text.startsWith('https:'), { error: 'must be an https URL' }),
      digest: z
        .string()
        .regex(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/, { error: 'must be sha256: or sha512: and its digits' }),
    }),
  )
  .min(1)
  .max(2)
  .refine((all) => new Set(all.map(({ arch }) => arch)).size === all.length, {
    error: 'must name each architecture once',
  })
  .meta({
    description: 'where the disk is to be had, and its digest, which it must have; vmgate itself fetches nothing',
  });

const workVm = z
  .strictObject({
    template: z
      .enum(['tiny', 'debian', 'browser'], {
        error: 'must be tiny, debian or browser: what vmgate builds itself; vmgate init takes the other templates',
      })
      .optional()
      .meta({ description: 'a work VM that vmgate builds: tiny in RAM, debian on a disk, browser with a screen' }),
    disk: path
      .optional()
      .meta({ description: 'a qcow2 or raw disk image, inspected first; never written, an overlay is' }),
    from: from.optional(),
    oci: ociImage.optional(),
    kernel: path.optional().meta({ description: 'a Linux kernel, with initramfs' }),
    initramfs: path.optional(),
    append: z
      .string()
      .regex(/^[^\p{Cc}]{0,1024}$/u, { error: 'must be one line of at most 1024 characters' })
      .optional(),
    ...setUp,
    cpus: z.int().min(BOUNDS.cpus.least).max(BOUNDS.cpus.most).optional(),
    memory: memory.optional(),
    hardware: z
      .enum(['virtio', 'compat'])
      .optional()
      .meta({ description: 'compat for systems without virtio drivers: SATA disk, Intel card' }),
    firmware: z
      .enum(['bios', 'uefi'])
      .optional()
      .meta({ description: `what boots a disk; ${DEFAULTS.firmware} unless said, and always uefi on arm64` }),
    display: z
      .enum(['none', 'window', 'vnc'], {
        error: (issue) =>
          issue.input === 'spice'
            ? 'must be none, window or vnc: SPICE also carries the clipboard, files and USB devices'
            : 'must be none, window or vnc',
      })
      .optional()
      .meta({
        description: `a screen: none, QEMU's own window, or vnc on a socket that only its owner can open (vmgate view NAME); ${DEFAULTS.display} unless said`,
      }),
    onLoss: z.enum(ON_LOSS).optional().meta({
      description:
        'when the gate closes: its wire goes dead (block), it stands still too (pause), or it is shut down (stop)',
    }),
    egress: egress.optional(),
    peers: z
      .array(name)
      .max(EGRESS_BOUNDS.peers)
      .optional()
      .meta({ description: 'work VMs of this gate that it may connect to; none unless said' }),
    autostart: z.boolean().optional().meta({ description: 'start with `vmgate up`' }),
    ports: ports.optional(),
  })
  .meta({ description: 'says what boots by one of template, disk, oci, or kernel with initramfs' });

const work = z.record(name, workVm).refine((all) => Object.keys(all).length <= BOUNDS.workVms, {
  error: `at most ${BOUNDS.workVms} work VMs on one gate`,
});

/** As src/oci reads it, to the letter where it is used. */
const reference = z
  .string()
  .max(512)
  .regex(/^[a-z0-9[\]:.-]+\/[a-z0-9._/-]+:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(@sha256:[0-9a-f]{64})?$/, {
    error: (issue) =>
      /^\w[\w-]*$|^[./~]/.test(String(issue.input))
        ? 'must be a reference as registry.example.com/team/dev:3; a template that comes with vmgate, or a folder, is added by: vmgate init NAME'
        : 'must be a reference as registry.example.com/team/dev:3',
  });

const line = z.string().regex(/^[^\p{Cc}]{0,1024}$/u, { error: 'must be one line of at most 1024 characters' });
const parameterName = z.string().regex(/^[a-z][a-zA-Z0-9-]{0,31}$/, {
  error: 'must be 1 to 32 of a-z, A-Z, 0-9 and "-", beginning with a small letter',
});
const parameterValue = z.union([line, z.number(), z.boolean(), z.array(line).max(64)], {
  error: 'must be a text, a number, true or false, or a list of texts',
});

export const configSchema = z.strictObject({
  version: z.literal(1, { error: 'must be 1' }),
  gate: name.optional().meta({ description: `name of the gate; ${DEFAULTS.gate} unless said` }),
  template: z
    .union([reference, z.array(reference).min(1).max(BOUNDS.templates)], {
      error: 'must be a reference as registry.example.com/team/dev:3, or a list of them',
    })
    .optional()
    .meta({ description: 'templates of a registry that this file adds to; which version is in vmgate.lock' }),
  parameters: z
    .record(parameterName, parameterValue)
    .optional()
    .meta({ description: 'what these templates ask for, by name' }),
  vpn: vpn.optional().meta({
    description:
      'a profile added with `vmgate vpn add`; several, tried in order; or a chain of them, each inside the one before; may be said in vmgate.local.yaml instead',
  }),
  failover: failover.optional(),
  endpoint: z
    .strictObject({
      allowPrivate: z.boolean().optional().meta({ description: 'the VPN endpoint may have a private address' }),
    })
    .optional(),
  verify: z
    .strictObject({
      exit: exit.optional(),
      every: duration(BOUNDS.every)
        .optional()
        .meta({ description: `${DEFAULTS.every} unless said` }),
      maxAge: duration(BOUNDS.maxAge)
        .optional()
        .meta({ description: `${DEFAULTS.maxAge} unless said` }),
    })
    .optional(),
  portal: z
    .strictObject({
      probe: z
        .union([z.literal(false), z.string()], { error: 'must be an http or https URL, or false' })
        .refine((probe) => probe === false || readPortalUrl(probe) !== undefined, {
          error: 'must be an http or https URL without user and password, or false',
        })
        .optional()
        .meta({
          description: `asked once a tunnel failed, to find a portal: answers 204 where there is none; ${DEFAULTS.portalProbe} unless said, never if false`,
        }),
    })
    .optional(),
  dns: z
    .strictObject({
      rebinding: z.enum(['allow', 'refuse']).optional().meta({
        description:
          'refuse: no name leads to a private address, but those of rules with allowPrivate; allow unless said',
      }),
    })
    .optional(),
  notify: z.boolean().optional().meta({
    description: 'a desktop notification when the gate opens, and when it closes by itself; true unless said',
  }),
  work: work.optional(),
});
export type ConfigFile = z.infer<typeof configSchema>;

/** What a template says in the same words, with the same bounds. */
export const pieces = {
  ...{ name, memory, path, prefix, expect, exitUrl: exit.shape.url },
  ...{ cpus: workVm.shape.cpus.unwrap(), append: workVm.shape.append.unwrap(), autostart: z.boolean() },
  ...{ builtin: workVm.shape.template.unwrap(), hardware: workVm.shape.hardware.unwrap() },
  ...{ firmware: workVm.shape.firmware.unwrap() },
  ...{ onLoss: workVm.shape.onLoss.unwrap(), display: workVm.shape.display.unwrap(), setUp, script, from, ports },
  ociImage,
  homePage: browser.homePage.unwrap(),
  ...{ every: duration(BOUNDS.every), maxAge: duration(BOUNDS.maxAge) },
};

/** vmgate.local.yaml: the same keys, none of them needed; which templates there are is not one person's to say. */
export const localSchema = configSchema.omit({ template: true }).partial();
export type LocalFile = z.infer<typeof localSchema>;

/** The schema editors understand (draft 7), printed by `vmgate schema`. */
export function jsonSchema(): Record<string, unknown> {
  return { title: 'vmgate.yaml', ...z.toJSONSchema(configSchema, { target: 'draft-7', io: 'input' }) };
}
