/**
 * Who vmgate is to one registry: Basic, or Bearer with a token of its token server. Two rules keep a login where it
 * belongs: what is sent is sent to the registry's own origin, and a password goes to another host only if the user named
 * that host. The scope of a token is vmgate's own, never what the registry asks for: a token for more could be used by
 * whoever asked.
 */
import * as z from 'zod';
import { VmgateError } from '../core/coded.ts';
import { parseJson } from '../host/index.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { errors } from './codes.ts';
import type { Login } from './docker-login.ts';
import { isLoopback } from './reference.ts';
import { type Answer, readBody, type Wire } from './wire.ts';

export type Right = 'pull' | 'push';

const MAX_TOKEN_ANSWER = 65_536;
/** The distribution specification's default where `expires_in` is not said; and how long before its end it is not used. */
const DEFAULT_SECONDS = 60;
const MARGIN_SECONDS = 10;

/** RFC 6750 section 2.1: nothing else may stand in the header. */
const token68 = z
  .string()
  .regex(/^[A-Za-z0-9._~+/-]+=*$/)
  .max(16_384);
const tokenAnswer = z.object({
  token: token68.optional(),
  access_token: token68.optional(),
  expires_in: z.number().nonnegative().optional(),
});

export interface AuthorityOptions {
  /** `https://registry.example.com`. */
  readonly origin: URL;
  readonly repository: string;
  readonly wire: Wire;
  readonly login: () => Promise<Login | undefined>;
  /** The one other host that may be given the login: HOST or HOST:PORT. */
  readonly tokenHost: string | undefined;
  readonly nowMs: () => number;
}

interface Pass {
  readonly header: string;
  readonly untilMs: number;
}

export class Authority {
  readonly #options: AuthorityOptions;
  readonly #passes = new Map<Right, Pass>();
  #login: Login | undefined;
  #isLoginRead = false;

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  /** The user's name, once it was needed and there is one. */
  get user(): string | null {
    return this.#login?.username ?? null;
  }

  /** What to send with a request to `url`; nothing to anybody but the registry itself. */
  headersFor(url: URL, right: Right): Readonly<Record<string, string>> {
    const pass = this.#passes.get(right);
    if (url.origin !== this.#options.origin.origin || pass === undefined) return {};
    return pass.untilMs > this.#options.nowMs() ? { authorization: pass.header } : {};
  }

  /**
   * Gets what the refused request needs. False: nothing better than what was sent can be had.
   *
   * @throws REGISTRY_CHALLENGE_UNUSABLE, REGISTRY_TOKEN_HOST_FOREIGN, REGISTRY_LOGIN_REFUSED, BrokenLine
   */
  async answer(refused: Answer, right: Right): Promise<boolean> {
    const challenges = parseChallenges(refused.headers['www-authenticate'] ?? '');
    const [challenge] = challenges.toSorted((a, b) => Number(b.scheme === 'bearer') - Number(a.scheme === 'bearer'));
    if (challenge === undefined) throw this.#unusable('it names no scheme that vmgate knows (Basic, Bearer)');
    const login = await this.#ownLogin();
    if (challenge.scheme === 'bearer') {
      this.#passes.set(right, await this.#token(challenge, right, login));
      return true;
    }
    if (login === undefined) return false;
    this.#passes.set(right, { header: basic(login), untilMs: Number.POSITIVE_INFINITY });
    return true;
  }

  async #ownLogin(): Promise<Login | undefined> {
    if (!this.#isLoginRead) this.#login = await this.#options.login();
    this.#isLoginRead = true;
    return this.#login;
  }

  async #token(
    { realm, service }: Extract<Challenge, { scheme: 'bearer' }>,
    right: Right,
    login: Login | undefined,
  ): Promise<Pass> {
    const { origin, repository, wire, nowMs } = this.#options;
    const url = this.#tokenServer(realm);
    if (login !== undefined && !this.#mayKnow(url)) {
      throw VmgateError.of(errors.REGISTRY_TOKEN_HOST_FOREIGN, { registry: origin.host, host: url.host });
    }
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', `repository:${repository}:${right === 'push' ? 'pull,push' : 'pull'}`);
    const headers: Record<string, string> = login === undefined ? {} : { authorization: basic(login) };
    const doing = 'asking for a token';
    const answer = await wire.send({ method: 'GET', url, headers, doing });
    const body = await readBody(answer, MAX_TOKEN_ANSWER, `the answer of ${url.host}`);
    if (answer.status === 401 || answer.status === 403) {
      const payload = { registry: url.host, repository, status: answer.status, as: this.user };
      throw VmgateError.of(errors.REGISTRY_LOGIN_REFUSED, payload);
    }
    // A redirect too: the login would go along, or the token come from somebody else.
    if (answer.status !== 200) throw this.#unusable(`its token server ${url.host} answered ${answer.status}`);
    const read = tokenAnswer.safeParse(parseJson(body.toString('utf8')));
    const token = read.success ? (read.data.token ?? read.data.access_token) : undefined;
    if (!read.success || token === undefined)
      throw this.#unusable(`what its token server ${url.host} sent is no token`);
    const seconds = Math.max(1, (read.data.expires_in ?? DEFAULT_SECONDS) - MARGIN_SECONDS);
    return { header: `Bearer ${token}`, untilMs: nowMs() + seconds * 1_000 };
  }

  #tokenServer(realm: string): URL {
    if (!URL.canParse(realm)) throw this.#unusable('its token server has no address that can be read');
    const url = new URL(realm);
    if (url.username !== '' || url.password !== '') throw this.#unusable('its token server comes with a password');
    const inClear = url.protocol === 'http:' && isLoopback(url.hostname) && isLoopback(this.#options.origin.hostname);
    if (url.protocol !== 'https:' && !inClear) throw this.#unusable(`its token server ${url.origin} is not on https`);
    return url;
  }

  /** The registry's own host, on any port: it has the login already. */
  #mayKnow(url: URL): boolean {
    const { origin, tokenHost } = this.#options;
    return url.hostname === origin.hostname || (tokenHost !== undefined && url.host === tokenHost);
  }

  #unusable(why: string): VmgateError {
    return VmgateError.of(errors.REGISTRY_CHALLENGE_UNUSABLE, { registry: this.#options.origin.host, why });
  }
}

function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
