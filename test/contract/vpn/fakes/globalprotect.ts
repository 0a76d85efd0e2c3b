/**
 * A GlobalProtect gateway, or portal, or both, as the source of openconnect 9.01 and 9.12 has such servers (auth-globalprotect.c,
 * gpst.c): nothing here was seen at a real one. It keeps sessions, takes a cookie only with all that it was given with, a
 * one-time code once, and one tunnel a session.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Request, Response, Takeover } from './https.ts';
import { INSIDE, type Inside } from './inside.ts';

export interface GlobalProtectOptions {
  readonly user: string;
  readonly password: string;
  /** Asked for behind the password, each taken once; none: not asked for. */
  readonly codes?: readonly string[];
  /** How the question for a code comes: both are seen. */
  readonly challenge?: 'xml' | 'javascript';
  /** What it is: a gateway unless said. */
  readonly is?: readonly ('portal' | 'gateway')[];
  /** Of the portal: `HOST[:PORT]` and how people call it. */
  readonly gateways?: readonly (readonly [name: string, description: string])[];
  /** Whether it wants a report of its host checker: not, and lets everybody in; or not without one. */
  readonly report?: 'wanted' | 'demanded';
  /** Signs in on a web page alone. */
  readonly saml?: boolean;
  /** What it says of the inside, in place of the truth. */
  readonly lies?: Readonly<Record<string, string>>;
  /** Whether cookies are worthless from now on. */
  readonly forgets?: boolean;
}

interface Session {
  readonly user: string;
  /** As the client must say them again. */
  readonly computer: string;
  configured: boolean;
  reported: boolean;
}

const FRAME_HEADER = 16;
const MAGIC = 0x1a_2b_3c_4d;
const ETHER_IPV4 = 0x0800;
const PORTAL = 'gp-portal';
const DOMAIN = '(empty_domain)';
const XML = { 'Content-Type': 'application/xml' };

export class FakeGlobalProtect {
  readonly #options: GlobalProtectOptions;
  readonly #inside: Inside;
  readonly #sessions = new Map<string, Session>();
  readonly #codes: Set<string>;
  /** Questions under way. */
  readonly #questions = new Set<string>();
  #written: Promise<void> = Promise.resolve();
  tunnels = 0;
  keepalives = 0;

  constructor(options: GlobalProtectOptions, inside: Inside) {
    this.#options = options;
    this.#inside = inside;
    this.#codes = new Set(options.codes);
  }

  readonly answer = (request: Request): Response | Takeover | undefined => {
    switch (`${request.method} ${request.path}`) {
      case 'POST /global-protect/prelogin.esp':
        return this.#prelogin('portal', request);
      case 'POST /ssl-vpn/prelogin.esp':
        return this.#prelogin('gateway', request);
      case 'POST /global-protect/getconfig.esp':
        return this.#is('portal') ? this.#login(request, () => this.#gateways()) : undefined;
      case 'POST /ssl-vpn/login.esp':
        return this.#is('gateway') ? this.#login(request, () => this.#begin(request)) : undefined;
      case 'POST /ssl-vpn/getconfig.esp':
        return this.#config(request);
      case 'POST /ssl-vpn/hipreportcheck.esp':
        return this.#reportCheck(request);
      case 'GET /ssl-tunnel-connect.sslvpn':
        return this.#tunnel(request);
      case 'POST /ssl-vpn/logout.esp':
        return this.#sessions.delete(request.form.get('authcookie') ?? '')
          ? xml('<response status="success"/>')
          : undefined;
      default:
        return undefined;
    }
  };

  #is(what: 'portal' | 'gateway'): boolean {
    return (this.#options.is ?? ['gateway']).includes(what);
  }

  #prelogin(what: 'portal' | 'gateway', { query, headers }: Request): Response | undefined {
    if (query.get('clientVer') !== '4100' || headers.get('user-agent') !== 'PAN GlobalProtect') return undefined;
    const response = (inside: string) => xml(`<prelogin-response>${inside}</prelogin-response>`);
    if (!this.#is(what)) return response(`<status>Error</status><msg>GlobalProtect ${what} does not exist</msg>`);
    const page = Buffer.from('https://sso.example/login').toString('base64');
    const saml = `<saml-auth-method>REDIRECT</saml-auth-method><saml-request>${page}</saml-request>`;
    return response(
      `<status>Success</status><authentication-message>Enter login credentials</authentication-message><username-label>Username</username-label><password-label>Password</password-label>${this.#options.saml === true ? saml : ''}`,
    );
  }

  /** The same form for portal and gateway; what follows a right one differs. */
  #login({ form }: Request, then: () => Response): Response | undefined {
    const { user, password, codes, challenge = 'xml' } = this.#options;
    if (form.get('jnlpReady') !== 'jnlpReady' || form.get('prot') !== 'https:') return undefined;
    const secret = form.get('passwd') ?? '';
    const question = form.get('inputStr') ?? '';
    const refused = { status: '512 Custom error', headers: { 'X-Private-Pan-Sslvpn': 'auth-failed' } };
    if (form.get('user') !== user) return refused;
    if (question !== '') return this.#questions.delete(question) && this.#codes.delete(secret) ? then() : refused;
    if (secret !== password) return refused;
    if (codes === undefined) return then();
    const asks = randomBytes(8).toString('hex');
    this.#questions.add(asks);
    const text = 'Enter the code from your token';
    return challenge === 'xml'
      ? xml(`<challenge><user>${user}</user><inputstr>${asks}</inputstr><respmsg>${text}</respmsg></challenge>`)
      : {
          status: '200 OK',
          headers: { 'Content-Type': 'text/html' },
          body: `var respStatus = "Challenge";\nvar respMsg = "${text}";\nthisForm.inputStr.value = "${asks}";\n`,
        };
  }

  #gateways(): Response {
    const entries = (this.#options.gateways ?? []).map(
      ([name, description]) =>
        `<entry name="${name}"><priority>1</priority><description>${description}</description></entry>`,
    );
    return xml(
      `<policy><portal-name>${PORTAL}</portal-name><portal-userauthcookie>empty</portal-userauthcookie><portal-prelogonuserauthcookie>empty</portal-prelogonuserauthcookie><version>6.0.0</version><gateways><external><list>${entries.join('')}</list></external></gateways></policy>`,
    );
  }

  #begin({ form }: Request): Response {
    const { user } = this.#options;
    const cookie = randomBytes(16).toString('hex');
    const session = { user, computer: form.get('computer') ?? '', configured: false, reported: false };
    if (this.#options.forgets !== true) this.#sessions.set(cookie, session);
    const list = ['(null)', cookie, randomBytes(20).toString('hex'), PORTAL, user, 'LDAP-auth', 'vsys1'];
    const rest = ['(null)', '(null)', '(null)', '(null)', 'tunnel', '-1', '4100', ''];
    const all = [...list, encodeURIComponent(DOMAIN), ...rest].map((value) => `<argument>${value}</argument>`);
    return xml(`<jnlp><application-desc>${all.join('')}</application-desc></jnlp>`);
  }

  /** That of a cookie that comes with all that it was given with. */
  #session(form: URLSearchParams): Session | undefined {
    const session = this.#sessions.get(form.get('authcookie') ?? '');
    const isWhole =
      session !== undefined &&
      form.get('user') === session.user &&
      form.get('portal') === PORTAL &&
      form.get('domain') === DOMAIN &&
      form.get('computer') === session.computer;
    return isWhole ? session : undefined;
  }

  #config({ form }: Request): Response | undefined {
    if (form.get('client-type') !== '1' || form.get('ipv6-support') !== 'no') return undefined;
    const session = this.#session(form);
    if (session === undefined) {
      return xml('<response status="error"><error>Invalid authentication cookie</error></response>');
    }
    session.configured = true;
    const said = {
      'need-tunnel': 'yes',
      'ssl-tunnel-url': '/ssl-tunnel-connect.sslvpn',
      portal: PORTAL,
      user: session.user,
      lifetime: '3600',
      timeout: '10800',
      'disconnect-on-idle': '7200',
      'ip-address': INSIDE.client,
      netmask: '255.255.255.255',
      mtu: '0',
      dns: `<member>${INSIDE.host}</member>`,
      'dns-suffix': '<member>corp.example</member>',
      'gw-address': '198.51.100.7',
      'access-routes': '<member>0.0.0.0/0</member>',
      // Keys of ESP, which a client that was told to leave it alone does not use.
      ipsec: `<udp-port>4501</udp-port><ipsec-mode>esp-tunnel</ipsec-mode><enc-algo>aes-128-cbc</enc-algo><hmac-algo>sha1</hmac-algo><c2s-spi>0x11111111</c2s-spi><s2c-spi>0x22222222</s2c-spi>${['ekey-c2s', 'ekey-s2c'].map((name) => keyOf(name, 16)).join('')}${['akey-c2s', 'akey-s2c'].map((name) => keyOf(name, 20)).join('')}`,
      ...this.#options.lies,
    };
    const tags = Object.entries(said).map(([name, value]) => `<${name}>${value}</${name}>`);
    return xml(`<response status="success">${tags.join('')}</response>`);
  }

  #reportCheck({ form }: Request): Response | undefined {
    const session = this.#session(form);
    const isRight = session?.configured === true && /^[0-9a-f]{32}$/.test(form.get('md5') ?? '');
    if (!isRight || form.get('client-role') !== 'global-protect-full') return undefined;
    const needed = this.#options.report === undefined ? 'no' : 'yes';
    return xml(`<response status="success"><hip-report-needed>${needed}</hip-report-needed></response>`);
  }

  #tunnel({ query }: Request): Response | Takeover | undefined {
    const session = this.#sessions.get(query.get('authcookie') ?? '');
    if (session === undefined || query.get('user') !== session.user || !session.configured)
      return { status: '502 Bad Gateway' };
    if (this.#options.report === 'demanded') return { status: '403 Forbidden' };
    return (stream) => this.#carry(stream);
  }

  #carry(stream: Duplex): void {
    this.tunnels += 1;
    stream.write('START_TUNNEL');
    let pending = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= FRAME_HEADER) {
        const length = pending.readUInt16BE(6);
        if (pending.readUInt32BE(0) !== MAGIC) throw new Error(`no frame: ${pending.toString('hex', 0, FRAME_HEADER)}`);
        if (pending.length < FRAME_HEADER + length) return;
        const [header, packet] = [
          pending.subarray(0, FRAME_HEADER),
          pending.subarray(FRAME_HEADER, FRAME_HEADER + length),
        ];
        pending = pending.subarray(FRAME_HEADER + length);
        this.#frame(stream, header, packet);
      }
    });
    stream.resume();
  }

  #frame(stream: Duplex, header: Buffer, packet: Buffer): void {
    const type = header.readUInt16BE(4);
    if (type === 0 && packet.length === 0) {
      this.keepalives += 1;
      this.#say(stream, Buffer.from(header));
      return;
    }
    if (type !== ETHER_IPV4) throw new Error(`no IPv4: ${header.toString('hex')}`);
    const answer = this.#inside.answer(packet);
    if (answer === undefined) return;
    const back = Buffer.from(header);
    back.writeUInt16BE(answer.length, 6);
    this.#say(stream, Buffer.concat([back, answer]));
  }

  /** A record for each: the client takes it for one frame. Node makes one record of what waits to be written. */
  #say(stream: Duplex, frame: Buffer): void {
    this.#written = this.#written.then(() => new Promise((resolve) => stream.write(frame, () => resolve())));
  }
}

function keyOf(name: string, bytes: number): string {
  return `<${name}><bits>${bytes * 8}</bits><val>${randomBytes(bytes).toString('hex')}</val></${name}>`;
}

function xml(body: string): Response {
  return { status: '200 OK', headers: XML, body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}\n` };
}
