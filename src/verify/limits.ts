/** Deadlines of the steps both kinds of run have, milliseconds. A gateway under TCG answers in a tenth of them. */

/** From an ARP question to its answer. */
export const ARP_MS = 3_000;
/** From a question to the resolver inside the tunnel to its answer, handshake and repetitions included. */
export const DNS_MS = 4_000;
