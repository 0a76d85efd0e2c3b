/** Which VPN profile a member of a team uses for the team's template. */
import path from 'node:path';
import type { Filled } from '../../template/index.ts';
import {
  addProfile,
  isProfileName,
  listProfiles,
  loadProfile,
  removeProfile,
  type StoredProfile,
} from '../../vpn/index.ts';
import { type Context, flag, type Input, list, text } from '../command.ts';
import { requireNeeded, unmetNeedOf } from '../template/vpn-needs.ts';
import { nameFrom } from './answers.ts';

type Needs = Filled['vpn'];

export interface ChosenProfile {
  readonly name: string;
  /** To be added under that name. */
  readonly file: string | undefined;
}

/**
 * As typed; else the one profile that is what the template asks for; else one that is still to come, called like the
 * template.
 */
export async function chosenProfile(
  context: Context,
  input: Input,
  needs: Needs,
  templateName: string,
): Promise<ChosenProfile> {
  const file = text(input, 'vpnFile');
  const named = text(input, 'vpn');
  if (file !== undefined) return { name: named ?? nameFrom(file), file: path.resolve(context.cwd, file) };
  if (named !== undefined) return { name: named, file: undefined };
  const all = await listProfiles(context.home().vpn);
  const usable = all.filter((profile): profile is StoredProfile => 'plan' in profile);
  const fitting = usable.filter((profile) => needs === undefined || unmetNeedOf(needs, profile) === undefined);
  const [only, ...more] = fitting;
  if (only !== undefined && more.length === 0) return { name: only.name, file: undefined };
  return { name: isProfileName(templateName) ? templateName : 'team', file: undefined };
}

/**
 * The profile is what the template asks for; false: there is none yet. One that was added for it and will not do is gone
 * again.
 *
 * @throws TEMPLATE_VPN_MISMATCH, VPN_*
 */
export async function admitProfile(
  context: Context,
  input: Input,
  { name, file }: ChosenProfile,
  needs: Needs,
): Promise<boolean> {
  const { vpn: folder } = context.home();
  const require = (profile: StoredProfile) => (needs === undefined ? undefined : requireNeeded(needs, profile));
  if (file === undefined) {
    const known = await listProfiles(folder);
    if (!known.some((profile) => profile.name === name)) return false;
    require(await loadProfile(folder, name));
    return true;
  }
  const split = flag(input, 'split') || needs?.split === true;
  const added = await addProfile(folder, name, file, { split, dns: list(input, 'dns') });
  try {
    require(added);
  } catch (cause) {
    await removeProfile(folder, name, async () => undefined);
    throw cause;
  }
  for (const notice of added.notices) context.out.event(notice);
  return true;
}
