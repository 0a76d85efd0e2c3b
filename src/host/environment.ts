/**
 * Environment variables that would weaken TLS, add a proxy or load code are taken out before anything reads them (P7,
 * leak case 67). Only names are reported: proxies carry passwords.
 */

interface Rule {
  readonly matches: RegExp;
  /** Read by Node or the loader before vmgate's first line: it can only be kept from our children, and told. */
  readonly alreadyRead: boolean;
}

const RULES: readonly Rule[] = [
  { matches: /^NODE_TLS_REJECT_UNAUTHORIZED$/, alreadyRead: false },
  { matches: /^(all|ftp|http|https|no|socks|npm_config_https?)_proxy$/i, alreadyRead: false },
  { matches: /^(NODE_OPTIONS|NODE_EXTRA_CA_CERTS|NODE_USE_ENV_PROXY|NODE_USE_SYSTEM_CA)$/, alreadyRead: true },
  { matches: /^(NODE_PATH|NODE_DEBUG|NODE_DEBUG_NATIVE|NODE_V8_COVERAGE|NODE_REDIRECT_WARNINGS)$/, alreadyRead: true },
  { matches: /^(SSL_CERT_FILE|SSL_CERT_DIR|OPENSSL_CONF|OPENSSL_MODULES|OPENSSL_ENGINES)$/, alreadyRead: true },
  { matches: /^(SSLKEYLOGFILE|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|GIT_SSL_NO_VERIFY)$/, alreadyRead: false },
  { matches: /^(LD|DYLD)_/, alreadyRead: true },
];

export interface IgnoredEnvironment {
  /** Every variable taken out, sorted. */
  readonly ignored: readonly string[];
  /** Those of them that had an effect on this process already. */
  readonly alreadyRead: readonly string[];
}

/** Deletes the variables from `env`; call it first thing in every process. */
export function cleanEnvironment(env: NodeJS.ProcessEnv = process.env): IgnoredEnvironment {
  const hits = Object.keys(env)
    // By code units: a collator takes 7 ms to load, in every command.
    .sort((a, b) => (a < b ? -1 : 1))
    .flatMap((name) => {
      const rule = RULES.find(({ matches }) => matches.test(name));
      return rule === undefined ? [] : [{ name, alreadyRead: rule.alreadyRead }];
    });
  for (const { name } of hits) delete env[name];
  return {
    ignored: hits.map(({ name }) => name),
    alreadyRead: hits.filter(({ alreadyRead }) => alreadyRead).map(({ name }) => name),
  };
}
