/** The drill's attempts, made from the probe link of a {@link WiredGate}. */
import { attemptsFrom } from '../../../src/drill/index.ts';
import type { Hop } from '../../../src/frame/index.ts';
import { LAB } from '../../../src/lab/index.ts';
import { LINKS, UPLINK } from './wired-gate.ts';

const [, neighbour = LINKS.probe] = LINKS.work;

export const ATTEMPTS = attemptsFrom({ link: LINKS.probe, neighbour, uplink: UPLINK.address });

/** A neighbour of the gateway on the untrusted network, for the bare wire. */
export const ON_THE_WIRE: Hop = { sourceMac: LINKS.probe.guestMac, destinationMac: LAB.routerMac };
