/** Which of the three formats a profile is in, by what it begins with. */
import { decodeProfile } from '../text.ts';
import type { IkeDraft } from './draft.ts';
import { readMobileconfig } from './mobileconfig.ts';
import { readSswan } from './sswan.ts';
import { readYaml } from './yaml.ts';

/** @throws VPN_PROFILE_TOO_LARGE, VPN_PROFILE_NOT_TEXT, and the formats' codes */
export function readProfile(profile: Uint8Array | string, file: string): IkeDraft {
  const text = decodeProfile(profile, file);
  const begins = text.trimStart();
  if (begins.startsWith('<')) return readMobileconfig(text, file);
  return begins.startsWith('{') ? readSswan(text, file) : readYaml(text, file);
}
