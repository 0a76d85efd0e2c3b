/** Check `dns`: a question nobody can have cached was answered, and the way it took was the tunnel. */
import { type Check, type Opinion, refuted, unknown, verified } from './check.ts';

export interface DnsFacts {
  /** The name asked for: a nonce and a suffix. */
  readonly name: string;
  readonly resolver: string;
  /** Of the answer with matching id and name; undefined when none came in time. */
  readonly answer: { readonly rcode: number; readonly elapsedMs: number } | undefined;
  /** Answers that came but carried another id or name. */
  readonly strays: number;
  /** By the guard's count between question and answer. */
  readonly tunnelFramesOut: number;
  /** Frames on the uplink with the nonce in clear. */
  readonly nonceSightings: number;
}

const NOERROR = 0;
const NXDOMAIN = 3;

export const dnsCheck: Check<DnsFacts> = {
  name: 'dns',
  trust: {
    gatewayCouldFake: 'the answer itself: that a random name does not exist can be guessed',
    hostWitness: 'the guard counted a tunnel frame leaving for it and did not see the nonce in clear',
  },
  judge,
};

function judge({ name, resolver, answer, strays, tunnelFramesOut, nonceSightings }: DnsFacts): Opinion {
  const evidence = [`asked ${resolver} for ${name}`, `tunnel frames out meanwhile: ${tunnelFramesOut}`];
  if (nonceSightings > 0) {
    return refuted('the question left the uplink in clear', 'vmgate evidence', evidence);
  }
  if (answer === undefined) {
    const seen = strays === 0 ? 'no answer' : `${strays} answers with another id or name`;
    return unknown('the resolver inside the tunnel did not answer in time', REMEDY, [...evidence, seen]);
  }
  const answered = [...evidence, `rcode ${answer.rcode} after ${Math.round(answer.elapsedMs)} ms`];
  if (answer.rcode !== NOERROR && answer.rcode !== NXDOMAIN) {
    return unknown('the resolver inside the tunnel refused or failed', REMEDY, answered);
  }
  if (tunnelFramesOut === 0) {
    return refuted('the question was answered without going through the tunnel', 'vmgate down && vmgate up', answered);
  }
  return verified('a fresh name was answered through the tunnel', answered);
}

const REMEDY = "check the profile's DNS line (vmgate vpn show), then: vmgate up";
