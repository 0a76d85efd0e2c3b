export const SIGNER_OPTION = {
  flags: '--signer <FINGERPRINT>',
  about: 'SHA256:... of the key, as the team told you',
} as const;
