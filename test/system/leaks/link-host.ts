/**
 * A machine on a work link, as small as can be: it answers ARP, says datagrams, and keeps one TCP download open at a pace
 * that an emulated gateway can stand.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { LinkPlan } from '../../../src/core/link-plan.ts';
import { Installation } from '../../../src/drivers/index.ts';
import {
  buildArpReply,
  buildArpRequest,
  ETHER_TYPES,
  IP_PROTOCOLS,
  parseArp,
  parseEthernet,
  parseIpv4,
  parseTcp,
  TCP_FLAGS,
  type TcpSegment,
  tcpFrame,
  udpFrame,
} from '../../../src/frame/index.ts';
import { LAB, standOn, type WireStand } from '../../../src/lab/index.ts';
import { until } from './volley.ts';

const WEB = 80;
/** Two of the smallest segments: the server waits after each pair. */
const WINDOW = 1_072;
const PACE_MS = 40;
const ACK = TCP_FLAGS.ack;
const REQUEST = 'GET /endless HTTP/1.0\r\n\r\n';

export class LinkHost {
  readonly #stand: WireStand;
  readonly #link: LinkPlan['probe'];
  #port = 24_000;
  #next = 0;
  #expected = 0;
  #arpAnswers = 0;
  #acknowledging = true;
  /** Bytes of TCP that arrived, those that arrived before included. */
  received = 0;

  private constructor(stand: WireStand, link: LinkPlan['probe']) {
    this.#stand = stand;
    this.#link = link;
    stand.onFrame((frame) => this.#hear(frame));
  }

  static async on(wire: { readonly guestPath: string; readonly gatewayPath: string }, link: LinkPlan['probe']) {
    return new LinkHost(
      await standOn(
        { folder: `${wire.guestPath}.st`, localPath: wire.guestPath, remotePath: wire.gatewayPath },
        new Installation(),
      ),
      link,
    );
  }

  /** Opens a new flow to the lab's site and waits until it flows. */
  async download(): Promise<void> {
    this.#port += 1;
    this.#next = 1;
    this.#acknowledging = true;
    const before = this.received;
    await until(async () => {
      if (this.#next === 1) this.#segment({ flags: TCP_FLAGS.syn });
      await delay(PACE_MS);
      return this.received - before > 4 * WINDOW;
    }, 'nothing was downloaded');
  }

  /** From now on the server hears nothing any more, and says the same again and again. */
  fallSilent(): void {
    this.#acknowledging = false;
  }

  /** A datagram, and bytes of the open flow. */
  say(datagram: string, bytes: string): void {
    const flow = { ...this.#flow(), sourcePort: 23_000, destinationPort: 9 };
    this.#stand.send(udpFrame(this.#hop, flow, Buffer.from(datagram)));
    this.#segment({ flags: ACK | TCP_FLAGS.psh, payload: Buffer.from(bytes) });
  }

  /** Resolves when the gateway has looked at everything that was sent, and its answers have arrived. */
  async barrier(): Promise<void> {
    const before = this.#arpAnswers;
    const { guestMac, guest, gateway } = this.#link;
    this.#stand.send(buildArpRequest({ mac: guestMac, address: guest }, gateway));
    await until(() => this.#arpAnswers > before, 'the gateway did not answer');
  }

  close(): Promise<void> {
    return this.#stand.close();
  }

  get #hop() {
    return { sourceMac: this.#link.guestMac, destinationMac: this.#link.gatewayMac };
  }

  #flow() {
    return { source: this.#link.guest, destination: LAB.site, sourcePort: this.#port, destinationPort: WEB };
  }

  #segment({ flags, payload }: { readonly flags: number; readonly payload?: Buffer }): void {
    const data = payload === undefined ? {} : { payload };
    const numbers = { sequence: this.#next, acknowledgement: this.#expected, window: WINDOW };
    this.#stand.send(tcpFrame(this.#hop, this.#flow(), { flags, ...numbers, ...data }));
  }

  #hear(bytes: Buffer): void {
    const frame = parseEthernet(bytes);
    if (frame === undefined) return;
    if (frame.etherType === ETHER_TYPES.arp) this.#hearArp(frame.payload);
    const packet = frame.etherType === ETHER_TYPES.ipv4 ? parseIpv4(frame.payload) : undefined;
    const segment = packet?.protocol === IP_PROTOCOLS.tcp ? parseTcp(packet.payload) : undefined;
    if (segment?.destinationPort === this.#port) this.#hearSegment(segment);
  }

  #hearArp(payload: Buffer): void {
    const arp = parseArp(payload);
    const { guest, guestMac, gateway, gatewayMac } = this.#link;
    if (arp?.operation === 'reply' && arp.senderAddress === gateway) this.#arpAnswers += 1;
    if (arp?.operation !== 'request' || arp.targetAddress !== guest) return;
    this.#stand.send(buildArpReply({ mac: guestMac, address: guest }, { mac: gatewayMac, address: gateway }));
  }

  #hearSegment({ flags, sequence, payload }: TcpSegment): void {
    if (flags.syn && this.#next === 1) {
      this.#next = 2;
      this.#expected = (sequence + 1) >>> 0;
      this.#segment({ flags: ACK | TCP_FLAGS.psh, payload: Buffer.from(REQUEST) });
      this.#next += REQUEST.length;
      return;
    }
    if (payload.length === 0) return;
    this.received += payload.length;
    if (sequence === this.#expected) this.#expected = (sequence + payload.length) >>> 0;
    if (this.#acknowledging) setTimeout(() => this.#segment({ flags: ACK }), PACE_MS);
  }
}
