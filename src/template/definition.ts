/**
 * What template.yaml may say. Strict everywhere, as vmgate.yaml is: a key that is ignored is a protection or a program
 * that is not there. Nothing in it names a file of the reader's machine, and nothing in it is secret.
 */
import * as z from 'zod';
import { BOUNDS, DEFAULTS, ON_LOSS, parseDuration, pieces } from '../config/index.ts';
import { parameters, parameterUse } from './parameters.ts';
import { vpn } from './vpn.ts';

const line = z.string().regex(/^[^\p{Cc}]{1,200}$/u, { error: 'must be one line of 1 to 200 characters' });

const fileOfUser = z
  .strictObject(parameterUse.shape, {
    error: 'must be {parameter: NAME}: only whoever runs init says which file of this machine a VM reads',
  })
  .optional();

const image = z
  .strictObject({
    builtin: pieces.builtin.optional().meta({ description: 'what vmgate builds itself: tiny, debian or browser' }),
    disk: fileOfUser.meta({ description: 'a parameter of type path: a qcow2 or raw image, never written' }),
    from: pieces.from.optional(),
    oci: pieces.ociImage.optional(),
    kernel: fileOfUser.meta({ description: 'a parameter of type path: a Linux kernel, with initramfs' }),
    initramfs: fileOfUser,
    append: z.union([pieces.append, parameterUse]).optional(),
  })
  .refine(
    ({ builtin, disk, oci, kernel }) => [builtin, disk, oci, kernel].filter((way) => way !== undefined).length === 1,
    {
      error: 'must say what boots by one of builtin, disk, oci, or kernel with initramfs',
    },
  )
  .refine(({ kernel, initramfs }) => (kernel === undefined) === (initramfs === undefined), {
    error: 'must have kernel and initramfs together',
  })
  .refine(({ disk, from }) => disk !== undefined || from === undefined, { error: 'has from, which belongs to a disk' })
  .refine(({ kernel, append }) => kernel !== undefined || append === undefined, {
    error: 'has append, which belongs to a kernel',
  });

const { cloudInit, user, userData, packages, provision: _, ready } = pieces.setUp;

/** A script of the template's own is a file of it; init writes its text into vmgate.yaml, where it is confirmed with the rest. */
const provision = z
  .array(
    z
      .strictObject({
        name: line,
        script: pieces.script.optional(),
        file: z
          .string()
          .regex(/^\.\/[A-Za-z0-9_][A-Za-z0-9._+-]*(\/[A-Za-z0-9_][A-Za-z0-9._+-]*)*$/, {
            error: 'must be a file of this template: ./FILE',
          })
          .optional(),
      })
      .refine(({ script, file }) => (script === undefined) !== (file === undefined), {
        error: 'must have script or file',
      }),
  )
  .max(32)
  .meta({ description: 'scripts run once as root, in this order; each as text, or as a file of this template' });

const vm = z.strictObject({
  ...{ cloudInit, userData, packages, ready },
  user: z.union([user.unwrap(), parameterUse]).optional(),
  provision: provision.optional(),
  image: image.optional().meta({ description: 'what boots; may come from the template that this one extends' }),
  cpus: z.union([pieces.cpus, parameterUse]).optional(),
  memory: z.union([pieces.memory, parameterUse]).optional(),
  hardware: pieces.hardware.optional(),
  firmware: pieces.firmware.optional(),
  browser: z
    .strictObject({
      homePage: z.union([pieces.homePage, parameterUse]).optional(),
      keepProfile: z.union([z.boolean(), parameterUse]).optional(),
    })
    .optional()
    .meta({ description: 'of the built-in browser' }),
  display: pieces.display.optional().meta({ description: 'a screen; what vmgate.yaml says wins' }),
  onLoss: pieces.onLoss.optional().meta({
    description: `when the gate closes; only stricter ones win: ${ON_LOSS.join(', then ')}`,
  }),
  /** Rules of two sources have no rule yet for how they meet; vmgate.yaml holds them. */
  egress: z
    .literal('allow', { error: 'must be allow: this version takes rules for a work VM from vmgate.yaml only' })
    .optional(),
  autostart: z.union([pieces.autostart, parameterUse]).optional(),
  ports: pieces.ports.optional(),
});

const expect = z.union([
  z.array(pieces.prefix).min(1).max(64),
  z
    .strictObject({
      json: z
        .record(z.string().min(1).max(64), z.union([z.string().max(256), z.number(), z.boolean()]))
        .refine((fields) => Object.keys(fields).length > 0, { error: 'must name at least one field' })
        .optional(),
      parameter: parameterUse.shape.parameter.optional(),
    })
    .refine(({ json, parameter }) => (json === undefined) !== (parameter === undefined), {
      error: 'must be prefixes, {json: {FIELD: VALUE}} or {parameter: NAME}',
    }),
]);

const verify = z.strictObject({
  exit: z
    .strictObject({
      url: z
        .union([pieces.exitUrl, parameterUse])
        .meta({ description: 'asked through the tunnel; tells the address or a field' }),
      expect: expect.meta({ description: 'prefixes the answer must lie in, or JSON fields it must have' }),
    })
    .optional(),
  every: pieces.every
    .refine((text) => isAtMost(text, DEFAULTS.every), {
      error: `may be at most ${DEFAULTS.every}: a template can only tighten`,
    })
    .optional(),
  maxAge: pieces.maxAge
    .refine((text) => isAtMost(text, DEFAULTS.maxAge), {
      error: `may be at most ${DEFAULTS.maxAge}: a template can only tighten`,
    })
    .optional(),
});

function isAtMost(text: string, most: string): boolean {
  return (parseDuration(text) ?? 0) <= (parseDuration(most) ?? 0);
}

/** Shaped as one; src/oci reads it to the letter. What it names is pinned by `digest`, so that a tag only tells people. */
export function isRegistryName(text: string): boolean {
  return /^(?=[a-z0-9[][^/]*[.:\]])[a-z0-9[\]:.-]+\/[a-z0-9._/-]+(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/.test(text);
}

const extended = z.strictObject({
  template: z
    .string()
    .max(200)
    .superRefine((text, context) => {
      const isHere = /^\.\/[A-Za-z0-9_][A-Za-z0-9._+-]*(\/[A-Za-z0-9_][A-Za-z0-9._+-]*)*$/.test(text);
      if (isHere || /^[a-z][a-z0-9-]*$/.test(text) || isRegistryName(text)) return;
      const message = /^\.?\.?\/|\.\./.test(text)
        ? 'must lie in this template: ./FOLDER'
        : 'must be a name of vmgate template list, ./FOLDER, or HOST/REPOSITORY[:TAG] of a registry, without a digest';
      context.addIssue({ code: 'custom', message });
    }),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, { error: 'must be sha256: and 64 hexadecimal digits' }),
});

const VERSION = /^(\d{1,5})\.(\d{1,5})\.(\d{1,5})$/;
export const minimumVersion = z.string().regex(VERSION, { error: 'must be a version as 0.1.0' });

const common = {
  version: z.literal(1, { error: 'must be 1' }),
  name: pieces.name.meta({ description: 'the name of the template, and of its work VM' }),
  about: line.optional().meta({ description: 'one line for people' }),
  minimumVmgateVersion: minimumVersion.optional().meta({ description: 'an older vmgate refuses the template' }),
  extends: extended.optional().meta({ description: 'a template whose keys this one adds to; pinned by digest' }),
  parameters: parameters.optional().meta({ description: 'what init asks for; used as {parameter: NAME}' }),
  vpn: vpn.optional(),
};

export const workSchema = z.strictObject({ ...common, kind: z.literal('work'), vm });

export const gateSchema = z.strictObject({
  ...common,
  kind: z.literal('gate'),
  verify: verify.optional(),
  work: z
    .record(pieces.name, vm)
    .refine((all) => Object.keys(all).length <= BOUNDS.workVms, {
      error: `must have at most ${BOUNDS.workVms} work VMs`,
    })
    .optional(),
});

export type WorkDefinition = Readonly<z.infer<typeof workSchema>>;
export type GateDefinition = Readonly<z.infer<typeof gateSchema>>;
export type Definition = WorkDefinition | GateDefinition;
export type VmDefinition = Readonly<z.infer<typeof vm>>;
export type VerifyPolicy = Readonly<z.infer<typeof verify>>;
export type ExitPolicy = NonNullable<VerifyPolicy['exit']>;

export function keysOf(kind: Definition['kind']): Record<string, unknown> {
  return z.toJSONSchema(kind === 'work' ? workSchema : gateSchema, { target: 'draft-7', io: 'input' });
}

/** The schema editors understand (draft 7), printed by `vmgate schema --template`. */
export function templateJsonSchema(): Record<string, unknown> {
  return {
    title: 'template.yaml',
    ...z.toJSONSchema(z.union([workSchema, gateSchema]), { target: 'draft-7', io: 'input' }),
  };
}

/** Negative where `a` is older than `b`. Both are `1.2.3`; what follows the numbers does not count. */
export function compareVersions(a: string, b: string): number {
  const [one, other] = [a, b].map((text) => text.split(/[.+-]/).slice(0, 3).map(Number));
  const different = [0, 1, 2].find((index) => one?.[index] !== other?.[index]);
  return different === undefined ? 0 : (one?.[different] ?? 0) - (other?.[different] ?? 0);
}
