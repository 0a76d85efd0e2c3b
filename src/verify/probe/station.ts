/**
 * vmgate's own stand on the probe link: an IP stack of three sentences. It answers ARP for its address, asks the
 * gateway's resolver, and throws canaries. Everything put on the wire is counted, for the positive controls.
 */
import { randomInt } from 'node:crypto';
import type { Injected } from '../../core/checks/canary.ts';
import { VmgateError } from '../../core/coded.ts';
import type { LinkPlan } from '../../core/link-plan.ts';
import type { ProbeWire } from '../../drivers/driver.ts';
import {
  buildArpReply,
  buildArpRequest,
  DNS_TYPES,
  describeFrame,
  dnsQueryFrame,
  ETHER_TYPES,
  type EthernetFrame,
  type Hop,
  IP_PROTOCOLS,
  parseArp,
  parseDns,
  parseEthernet,
  parseIcmp,
  parseIpv4,
  parseUdp,
} from '../../frame/index.ts';
import { errors } from '../codes.ts';
import { FIRST_SOURCE_PORT } from './canary-frames.ts';

export interface DnsReply {
  readonly rcode: number;
  readonly elapsedMs: number;
  readonly message: Buffer;
}

export interface DnsOutcome {
  /** With the question's id and name; undefined when none came in time. */
  readonly reply: DnsReply | undefined;
  /** Answers to the question's port that carried another id or name. */
  readonly strays: number;
}

/** When a question is sent again, milliseconds after the first time: the first one may have started the handshake. */
const REPEATS_MS = [400, 1_200, 2_500];
/** Replies kept in words; the rest is only worth knowing that it was there. */
const MAX_REPLIES = 32;

export class ProbeStation {
  readonly #wire: ProbeWire;
  readonly #link: LinkPlan['probe'];
  readonly hop: Hop;
  readonly #questions = new Map<number, (message: Buffer) => void>();
  readonly #watchers = new Set<(reply: string) => void>();
  #injected: Injected = { frames: 0, ipv4: 0, ipv6: 0 };
  #arpAsked = 0;
  #arpAnswered = 0;
  #onArpAnswer: () => void = () => undefined;

  constructor(wire: ProbeWire, link: LinkPlan['probe']) {
    this.#wire = wire;
    this.#link = link;
    this.hop = { sourceMac: link.guestMac, destinationMac: link.gatewayMac };
    wire.onFrame((frame) => this.#receive(frame));
  }

  /** Everything sent since this station was set up. */
  get injected(): Injected {
    return this.#injected;
  }

  send(frame: Buffer): void {
    const { frames, ipv4, ipv6 } = this.#injected;
    const type = frame.readUInt16BE(12);
    this.#injected = {
      frames: frames + 1,
      ipv4: ipv4 + (type === ETHER_TYPES.ipv4 ? 1 : 0),
      ipv6: ipv6 + (type === ETHER_TYPES.ipv6 ? 1 : 0),
    };
    this.#wire.send(frame);
  }

  /**
   * Resolves once the gateway has answered every ARP question ever asked here. The link keeps its order, so by then the
   * gateway has also looked at every frame sent before: a barrier.
   *
   * @throws VERIFY_PROBE_SILENT
   */
  async reach(limitMs: number): Promise<void> {
    const { guestMac, guest, gateway } = this.#link;
    this.#arpAsked += 1;
    this.send(buildArpRequest({ mac: guestMac, address: guest }, gateway));
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(VmgateError.of(errors.VERIFY_PROBE_SILENT, { address: gateway, limitMs }));
      }, limitMs);
      this.#onArpAnswer = () => {
        if (this.#arpAnswered < this.#arpAsked) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /**
   * Asks the gateway's resolver for the IPv4 addresses of `name`, or for what `type` says ({@link DNS_TYPES}). Never
   * rejects: no answer is an outcome.
   */
  async ask(name: string, limitMs: number, signal: AbortSignal, type: number = DNS_TYPES.a): Promise<DnsOutcome> {
    if (signal.aborted) return { reply: undefined, strays: 0 };
    const { guest, gateway } = this.#link;
    const id = randomInt(0x10000);
    const sourcePort = randomInt(FIRST_SOURCE_PORT * 2, 0x10000);
    const flow = { source: guest, destination: gateway, sourcePort };
    const frame = dnsQueryFrame(this.hop, flow, { id, name, type });
    const began = performance.now();
    let strays = 0;
    const timers: NodeJS.Timeout[] = [];
    try {
      return await new Promise<DnsOutcome>((resolve) => {
        const giveUp = () => resolve({ reply: undefined, strays });
        this.#questions.set(sourcePort, (message) => {
          const answer = parseDns(message);
          const matches = answer?.response && answer.id === id && answer.question?.name === name.toLowerCase();
          if (!matches) strays += 1;
          else resolve({ reply: { rcode: answer.code, elapsedMs: performance.now() - began, message }, strays });
        });
        timers.push(setTimeout(giveUp, limitMs), ...REPEATS_MS.map((ms) => setTimeout(() => this.send(frame), ms)));
        signal.addEventListener('abort', giveUp, { once: true });
        this.send(frame);
      });
    } finally {
      timers.forEach(clearTimeout);
      this.#questions.delete(sourcePort);
    }
  }

  /** Collects, in words, what the gateway sends to this address from now on; the returned function ends it. */
  watch(): () => readonly string[] {
    const replies: string[] = [];
    const watcher = (reply: string) => {
      if (replies.length < MAX_REPLIES) replies.push(reply);
    };
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
      return replies;
    };
  }

  async close(): Promise<void> {
    await this.#wire.close();
  }

  #receive(bytes: Buffer): void {
    const frame = parseEthernet(bytes);
    if (frame === undefined || frame.source !== this.#link.gatewayMac) return;
    if (frame.etherType === ETHER_TYPES.arp) this.#receiveArp(frame);
    else if (frame.destination === this.#link.guestMac) this.#receiveReply(frame, bytes);
  }

  #receiveArp({ payload }: EthernetFrame): void {
    const { guestMac, guest, gateway, gatewayMac } = this.#link;
    const arp = parseArp(payload);
    if (arp === undefined || arp.senderMac !== gatewayMac || arp.senderAddress !== gateway) return;
    if (arp.operation === 'reply') {
      this.#arpAnswered += 1;
      this.#onArpAnswer();
    } else if (arp.targetAddress === guest) {
      this.send(buildArpReply({ mac: guestMac, address: guest }, { mac: gatewayMac, address: gateway }));
    }
  }

  #receiveReply(frame: EthernetFrame, bytes: Buffer): void {
    const packet = frame.etherType === ETHER_TYPES.ipv4 ? parseIpv4(frame.payload) : undefined;
    if (packet?.protocol === IP_PROTOCOLS.udp && packet.source === this.#link.gateway) {
      const datagram = parseUdp(packet.payload);
      const question = datagram?.sourcePort === 53 ? this.#questions.get(datagram.destinationPort) : undefined;
      if (datagram !== undefined && question !== undefined) {
        question(datagram.payload);
        return;
      }
    }
    // "Unreachable" is how a closed gateway may refuse quickly; it carries nothing from anywhere.
    const refusal = packet?.protocol === IP_PROTOCOLS.icmp && parseIcmp(packet.payload)?.type === 3;
    if (!refusal) for (const watcher of this.#watchers) watcher(describeFrame(bytes));
  }
}
