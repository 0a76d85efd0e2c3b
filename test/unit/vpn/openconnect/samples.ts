/** Profiles of this folder, with the files beside them: some of OpenVPN's tests, which are certificates like any other. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const here = import.meta.dirname;
/** The certificates are valid from a day in November 2026 on, for a century. */
export const NOW = Date.parse('2027-06-01T00:00:00Z');

export const folder = (name: string) => path.join(here, name);
export const read = (kind: 'good' | 'broken', name: string) => readFileSync(path.join(folder(kind), name));
export const names = (kind: 'good' | 'broken') => readdirSync(folder(kind)).sort();

const COMPANIONS = new Map(
  [path.join(here, 'certs'), path.join(here, '../openvpn/certs')].flatMap((certs) =>
    readdirSync(certs).map((name) => [name, readFileSync(path.join(certs, name), 'utf8')] as const),
  ),
);
export const beside = (name: string) => COMPANIONS.get(name);
export const privateKeys = [...COMPANIONS.values()].filter((text) => text.includes('PRIVATE KEY'));
