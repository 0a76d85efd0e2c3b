/**
 * A Chromium that knows nobody and goes one way: a profile made for this one sign-in, everything by the proxy, names
 * looked up behind it. Whatever would go around a proxy is taken away: the exception for loopback, QUIC, WebRTC's own
 * UDP, a resolver of its own, and all that a browser asks for by itself. What it still tries by the proxy is held back there.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { childEnvironment, findTool } from '../host/index.ts';

/** As distributions call it. */
const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'] as const;
/** Without UDP by a proxy there is none at all. */
const WEBRTC = 'disable_non_proxied_udp';
const LAST_MS = 3_000;

/** https://source.chromium.org/chromium/chromium/src/+/main:net/docs/proxy.md, and `chrome://flags` for the features. */
const CONTAINED = [
  // What is not said here would go directly: localhost, and link-local addresses.
  '--proxy-bypass-list=<-loopback>',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  '--disable-quic',
  `--force-webrtc-ip-handling-policy=${WEBRTC}`,
  `--webrtc-ip-handling-policy=${WEBRTC}`,
  '--disable-features=AsyncDns,DnsOverHttps,DnsOverHttpsUpgrade,MediaRouter,OptimizationHints,Translate,NetworkTimeServiceQuerying,HttpsUpgrades,HttpsFirstBalancedMode',
  '--dns-prefetch-disable',
  '--no-pings',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-domain-reliability',
  '--disable-client-side-phishing-detection',
  '--disable-default-apps',
  '--disable-extensions',
  '--disable-breakpad',
  '--metrics-recording-only',
  '--password-store=basic',
  '--use-mock-keychain',
  '--no-first-run',
  '--no-default-browser-check',
] as const;

/** The same once more where a flag may go by another name some day. */
const PREFERENCES = {
  webrtc: { ip_handling_policy: WEBRTC, multiple_routes_enabled: false, nonproxied_udp_enabled: false },
  net: { network_prediction_options: 2 },
  dns_over_https: { mode: 'off' },
  search: { suggest_enabled: false },
  safebrowsing: { enabled: false },
};

export interface BrowserStart {
  readonly program: string;
  /** Of a SOCKS5 proxy on 127.0.0.1 that asks no password: Chromium gives none (crbug.com/256785). */
  readonly proxyPort: number;
  readonly url: URL;
  /** Where its window goes. */
  readonly display: Readonly<Record<string, string>>;
}

export interface OpenBrowser {
  /** The person closed it, or it ended by itself: then how, in words that follow its name. */
  readonly ended: Promise<string | undefined>;
  /** Ends it and removes its profile. */
  close(): Promise<void>;
}

/** Path of a Chromium on this machine. */
export function findBrowser(): string | undefined {
  return NAMES.map(findTool).find((file) => file !== undefined);
}

export function browserArgv(profile: string, proxyPort: number, url: URL): readonly string[] {
  return [`--user-data-dir=${profile}`, `--proxy-server=socks5://127.0.0.1:${proxyPort}`, ...CONTAINED, url.href];
}

export function openBrowser({ program, proxyPort, url, display }: BrowserStart): OpenBrowser {
  const profile = mkdtempSync(path.join(tmpdir(), 'vmgate-portal-'));
  mkdirSync(path.join(profile, 'Default'));
  writeFileSync(path.join(profile, 'Default', 'Preferences'), JSON.stringify(PREFERENCES));
  const child = spawn(program, browserArgv(profile, proxyPort, url), {
    env: childEnvironment({ ...display, HOME: profile }),
    shell: false,
    stdio: 'ignore',
    // A group of its own: its helpers end with it, and Ctrl-C is ours to hear.
    detached: true,
  });
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('exit', (status, name) => resolve(status === 0 ? undefined : `ended by ${name ?? `status ${status}`}`));
    child.once('error', ({ message }) => resolve(`cannot be run: ${message}`));
  });
  const signal = (name: 'SIGTERM' | 'SIGKILL') => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // Gone already.
    }
  };
  return {
    ended,
    close: async () => {
      signal('SIGTERM');
      const patience = setTimeout(() => signal('SIGKILL'), LAST_MS);
      await ended;
      clearTimeout(patience);
      signal('SIGKILL');
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
