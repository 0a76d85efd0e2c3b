/**
 * A FortiGate's SSL VPN, as the source of openconnect 9.01 and 9.12 has such servers (fortinet.c, ppp.c): nothing here was seen
 * at a real one. It keeps sessions, takes a one-time code once and with all that came with its question, and speaks PPP in
 * TLS (ppp.ts).
 */
import { randomBytes } from 'node:crypto';
import type { Request, Response, Takeover } from './https.ts';
import { INSIDE, type Inside } from './inside.ts';
import { PppServer } from './ppp.ts';

export interface FortinetOptions {
  readonly user: string;
  readonly password: string;
  /** Asked for behind the password, each taken once; none: not asked for. */
  readonly codes?: readonly string[];
  /** How it asks for a code: in a line of its own form, or by a page. */
  readonly challenge?: 'tokeninfo' | 'html';
  /** How it says no: by its status, or not at all, and asks again. */
  readonly refuses?: 'status' | 'silently';
  /** Another name for the server, at which it says the login is. */
  readonly elsewhere?: string;
  /** Who does not come by `/REALM` is not known. */
  readonly realm?: string;
  /** What it gives in place of the right ones. */
  readonly address?: string;
  readonly resolver?: string;
  /** Sessions are not let in: a host checker should have run. */
  readonly demandsCheck?: boolean;
  /** Ends the tunnel instead of beginning it. */
  readonly noTunnel?: boolean;
}

interface Question {
  readonly reqid: string;
  readonly magic: string;
}

const GROUP = 'people';
const QUESTION = 'Enter the code that was sent to you';
const LOGIN_PAGE = '<html><body><form><input name="username"/><input name="credential"/></form></body></html>';

export class FakeFortinet {
  readonly #options: FortinetOptions;
  readonly #inside: Inside;
  readonly #cookies = new Set<string>();
  readonly #codes: Set<string>;
  #question: Question | undefined;
  tunnels = 0;
  /** Of the tunnel that began last. */
  ppp: PppServer | undefined;

  constructor(options: FortinetOptions, inside: Inside) {
    this.#options = options;
    this.#inside = inside;
    this.#codes = new Set(options.codes);
  }

  readonly answer = (request: Request): Response | Takeover | undefined => {
    if (request.headers.get('user-agent') !== 'Mozilla/5.0 SV1') return undefined;
    switch (`${request.method} ${request.path}`) {
      case 'GET /remote/login':
        return { status: '200 OK', body: LOGIN_PAGE };
      case 'POST /remote/logincheck':
        return this.#login(request);
      case 'GET /remote/fortisslvpn_xml':
        return this.#config(request);
      case 'GET /remote/fortisslvpn':
        return this.#options.demandsCheck === true ? { status: '403 Forbidden' } : undefined;
      case 'GET /remote/sslvpn-tunnel':
        return this.#tunnel(request);
      case 'GET /remote/logout':
        return { status: '200 OK', body: 'bye' };
      default:
        return request.method === 'GET' && /^\/[a-z]*$/.test(request.path)
          ? this.#begin(request.path.slice(1))
          : undefined;
    }
  };

  #begin(realm: string): Response {
    const { elsewhere } = this.#options;
    const place = `/remote/login${realm === '' ? '' : `?realm=${realm}`}`;
    return {
      status: '303 See Other',
      headers: { Location: elsewhere === undefined ? place : `https://${elsewhere}${place}` },
    };
  }

  #login({ form }: Request): Response | undefined {
    const { user, password, codes, realm = '' } = this.#options;
    if (form.get('username') !== user || form.get('realm') !== realm) return this.#refuse();
    if (form.has('magic')) return this.#isAnswered(form) ? this.#welcome() : this.#refuse();
    if (form.get('ajax') !== '1' || form.get('just_logged_in') !== '1') return undefined;
    if (form.get('credential') !== password) return this.#refuse();
    return codes === undefined ? this.#welcome() : this.#ask();
  }

  #ask(): Response {
    this.#question = { reqid: randomBytes(4).toString('hex'), magic: `1-${randomBytes(4).toString('hex')}` };
    const { user, challenge } = this.#options;
    if (challenge !== 'html') {
      const more = { polid: '1-1-1', grp: GROUP, portal: 'full', tokeninfo: 'sms', chal_msg: QUESTION };
      const said = Object.entries({ ret: '2', ...this.#question, ...more });
      return { status: '200 OK', body: said.map(([name, value]) => `${name}=${value}`).join(',') };
    }
    const hidden = Object.entries({ username: user, ...this.#question, grpid: GROUP })
      .map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`)
      .join('');
    const form = `<form action="/remote/logincheck" method="POST">${QUESTION}${hidden}<input type="password" name="credential"></form>`;
    return {
      status: '401 Unauthorized',
      headers: { 'Content-Type': 'text/html' },
      body: `<html><body>${form}</body></html>`,
    };
  }

  /** With all that came with the question, and a code that is good once. */
  #isAnswered(form: URLSearchParams): boolean {
    const asked = this.#question;
    this.#question = undefined;
    const [group, code] = this.#options.challenge === 'html' ? ['grpid', 'credential'] : ['grp', 'code'];
    const isWhole =
      form.get('reqid') === asked?.reqid && form.get('magic') === asked?.magic && form.get(group) === GROUP;
    return isWhole && this.#codes.delete(form.get(code) ?? '');
  }

  #refuse(): Response {
    return this.#options.refuses === 'silently'
      ? { status: '200 OK', body: 'ret=0,redir=/remote/login?&err=sslvpn_login_permission_denied' }
      : { status: '405 Method Not Allowed', body: 'error' };
  }

  #welcome(): Response {
    const cookie = randomBytes(24).toString('base64url');
    this.#cookies.add(cookie);
    return {
      status: '200 OK',
      headers: { 'Set-Cookie': `SVPNCOOKIE=${cookie}; path=/; secure; httponly` },
      body: 'ret=1,redir=/remote/fortisslvpn_xml',
    };
  }

  #isKnown({ headers }: Request): boolean {
    const [, cookie = ''] = /(?:^|; *)SVPNCOOKIE=([^;]*)/.exec(headers.get('cookie') ?? '') ?? [];
    return this.#cookies.has(cookie);
  }

  #config(request: Request): Response {
    if (!this.#isKnown(request) || this.#options.demandsCheck === true) return { status: '403 Forbidden' };
    const { address = INSIDE.client, resolver = INSIDE.host } = this.#options;
    const around = '<split-tunnel-info negate="1"><addr ip="203.0.113.0" mask="255.255.255.0"/></split-tunnel-info>';
    const ipv4 = `<dns ip="${resolver}" domain="corp.example"/><assigned-addr ipv4="${address}"/>${around}`;
    return {
      status: '200 OK',
      body: `<?xml version="1.0" encoding="utf-8"?><sslvpn-tunnel ver="2" dtls="1" patch="1"><dtls-config heartbeat-interval="10" heartbeat-fail-count="10" heartbeat-idle-timeout="10" client-hello-timeout="10"/><tunnel-method value="ppp"/><fos platform="FG100E" major="6" minor="04" patch="1" build="1637" branch="1637"/><auth-ses check-src-ip='1' tun-connect-without-reauth='0' tun-user-ses-timeout='30'/><ipv4>${ipv4}</ipv4><idle-timeout val="3600"/><auth-timeout val="18000"/></sslvpn-tunnel>`,
    };
  }

  #tunnel(request: Request): Response | Takeover {
    if (!this.#isKnown(request) || this.#options.noTunnel === true) return { status: '403 Forbidden' };
    return (stream) => {
      this.tunnels += 1;
      this.ppp = new PppServer(stream, this.#inside, this.#options.address);
    };
  }
}
