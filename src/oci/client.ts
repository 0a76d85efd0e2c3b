/**
 * Requests to one repository of one registry: login, redirects, and trying again. What may be tried again is said by the
 * caller: a POST that was lost may have been done.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CodedEvent, occur, VmgateError } from '../core/coded.ts';
import { monotonicMs, type Run, run as runTool } from '../host/index.ts';
import { Authority, type Right } from './authority.ts';
import { errors, events } from './codes.ts';
import { dockerConfigFile, dockerLogin } from './docker-login.ts';
import { authorityFolders } from './own-authorities.ts';
import { isLoopback, originOf, type Reference } from './reference.ts';
import { type Answer, type Ask, BrokenLine, discard, Wire, type WireOptions } from './wire.ts';

export interface ClientOptions extends WireOptions {
  /** docker's config.json; that of the environment unless said. */
  readonly dockerConfig?: string;
  /** The one other host that may be given the login: see `--token-host`. */
  readonly tokenHost?: string;
  readonly progress?: (event: CodedEvent) => void;
  readonly signal?: AbortSignal;
  readonly run?: Run;
  /** First pause before another attempt; it doubles. */
  readonly backoffMs?: number;
}

export interface RegistryAsk extends Omit<Ask, 'url' | 'headers'> {
  /** Below `/v2/REPOSITORY/`, or a whole URL of the registry's own. */
  readonly to: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly right: Right;
  /** Doing it twice is doing it once. */
  readonly again: boolean;
}

const ATTEMPTS = 4;
const BACKOFF_MS = 500;
/** Who asks for more patience than this is told of, not waited for. */
const MAX_RETRY_AFTER_S = 30;
const MAX_HOPS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];
const TEMPORARY = [429, 500, 502, 503, 504];

export class RegistryClient {
  readonly origin: URL;
  readonly repository: string;
  readonly #wire: Wire;
  readonly #authority: Authority;
  readonly #options: ClientOptions;

  constructor(reference: Pick<Reference, 'registry' | 'repository'>, options: ClientOptions = {}) {
    const { dockerConfig = dockerConfigFile(), tokenHost, run = runTool, signal } = options;
    this.origin = originOf(reference);
    this.repository = reference.repository;
    this.#options = options;
    this.#wire = new Wire({ authorityFolders: authorityFolders(dockerConfig), ...options }, signal);
    this.#authority = new Authority({
      origin: this.origin,
      repository: reference.repository,
      wire: this.#wire,
      login: () => dockerLogin(dockerConfig, reference.registry, run),
      tokenHost,
      nowMs: monotonicMs,
    });
  }

  close(): void {
    this.#wire.close();
  }

  tell(event: CodedEvent): void {
    this.#options.progress?.(event);
  }

  /**
   * Answers with any status but those that are dealt with here: 401 and 403, redirects of a GET or HEAD, and temporary
   * ones where `again` allows another attempt.
   *
   * @throws REGISTRY_UNREACHABLE, REGISTRY_CERTIFICATE_REFUSED, REGISTRY_AUTHORITY_REFUSED, REGISTRY_BUSY, REGISTRY_LOGIN_REFUSED, REGISTRY_REDIRECT_REFUSED, REGISTRY_TOO_SLOW
   */
  async ask(ask: RegistryAsk): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const isLast = !ask.again || attempt >= ATTEMPTS;
      let why: string;
      let pauseS = ((this.#options.backoffMs ?? BACKOFF_MS) * 2 ** (attempt - 1)) / 1_000;
      try {
        const answer = await this.#authorized(ask);
        if (!TEMPORARY.includes(answer.status)) return answer;
        discard(answer);
        const asked = retryAfter(answer.headers['retry-after']);
        if (isLast || (asked ?? 0) > MAX_RETRY_AFTER_S) throw this.#busy(answer.status, attempt, asked);
        why = `status ${answer.status}`;
        pauseS = Math.max(pauseS, asked ?? 0);
      } catch (cause) {
        if (!(cause instanceof BrokenLine)) throw cause;
        if (isLast) throw this.unreachable(cause);
        why = cause.message;
      }
      await this.pause(why, pauseS);
    }
  }

  unreachable(cause: BrokenLine): VmgateError {
    return VmgateError.of(errors.REGISTRY_UNREACHABLE, { registry: this.origin.host, why: cause.message }, { cause });
  }

  unexpected(doing: string, why: string): VmgateError {
    return VmgateError.of(errors.REGISTRY_ANSWER_UNEXPECTED, { registry: this.origin.host, doing, why });
  }

  /** Told, and cut short by an interruption. */
  async pause(why: string, seconds: number): Promise<void> {
    const { signal } = this.#options;
    // An interruption breaks lines too, and there is nothing to try again.
    signal?.throwIfAborted();
    this.tell(occur(events.REGISTRY_RETRY, { registry: this.origin.host, why, seconds }));
    await sleep(seconds * 1_000, undefined, signal === undefined ? {} : { signal });
  }

  async #authorized(ask: RegistryAsk): Promise<Answer> {
    const first = await this.#followed(ask);
    if (first.status !== 401 && first.status !== 403) return first;
    discard(first);
    // Another host's 401 is not the registry's: nobody answers its challenge.
    const isOwn = first.url.origin === this.origin.origin;
    if (first.status === 403 || !isOwn || !(await this.#authority.answer(first, ask.right))) throw this.#refused(first);
    const second = await this.#followed(ask);
    if (second.status !== 401 && second.status !== 403) return second;
    discard(second);
    throw this.#refused(second);
  }

  async #followed(ask: RegistryAsk): Promise<Answer> {
    let url = typeof ask.to === 'string' ? new URL(`/v2/${this.repository}/${ask.to}`, this.origin) : ask.to;
    let isHome = true;
    for (let hop = 0; ; hop++) {
      // Once the way led elsewhere, it stays without a login even if it leads back: who sent it there chose the target.
      isHome &&= url.origin === this.origin.origin;
      const own = isHome ? this.#authority.headersFor(url, ask.right) : {};
      const answer = await this.#wire.send({ ...ask, url, headers: { ...ask.headers, ...own } });
      if (!REDIRECTS.includes(answer.status)) return answer;
      discard(answer);
      if (ask.method !== 'GET' && ask.method !== 'HEAD') throw this.unexpected(ask.doing, `status ${answer.status}`);
      if (hop >= MAX_HOPS) throw refusedHop(url, url, `more than ${MAX_HOPS} redirects`);
      url = nextHop(url, answer.headers.location);
    }
  }

  #refused({ url, status }: Answer): VmgateError {
    const payload = { registry: url.host, repository: this.repository, status, as: this.#authority.user };
    return VmgateError.of(errors.REGISTRY_LOGIN_REFUSED, payload);
  }

  #busy(status: number, attempts: number, asked: number | undefined): VmgateError {
    const payload = { registry: this.origin.host, status, attempts, retryAfterSeconds: asked ?? null };
    return VmgateError.of(errors.REGISTRY_BUSY, payload);
  }
}

/** @throws REGISTRY_REDIRECT_REFUSED */
export function nextHop(from: URL, location: string | undefined): URL {
  if (location === undefined || !URL.canParse(location, from.href))
    throw refusedHop(from, from, 'it does not say where to');
  const to = new URL(location, from);
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw refusedHop(from, to, 'it is not on https');
  if (from.protocol === 'https:' && to.protocol === 'http:') throw refusedHop(from, to, 'it leaves TLS');
  if (to.protocol === 'http:' && !isLoopback(to.hostname)) throw refusedHop(from, to, 'it is not on https');
  if (to.username !== '' || to.password !== '') throw refusedHop(from, to, 'it comes with a password');
  return to;
}

function refusedHop(from: URL, to: URL, why: string): VmgateError {
  return VmgateError.of(errors.REGISTRY_REDIRECT_REFUSED, { from: from.host, to: to.origin, why });
}

/** Seconds, or a date: RFC 9110 section 10.2.3. Undefined: not said, or not understood. */
export function retryAfter(header: string | undefined, nowMs = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,8}$/.test(header.trim())) return Number(header);
  // Date.parse takes far more for a date than HTTP does.
  const untilMs = header.endsWith(' GMT') ? Date.parse(header) : Number.NaN;
  return Number.isNaN(untilMs) ? undefined : Math.max(0, Math.ceil((untilMs - nowMs) / 1_000));
}
