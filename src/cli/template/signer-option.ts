export const SIGNER_OPTION = {
  flags: '--signer <FINGERPRINT>',
  about: 'SHA256:... of the key that signs for the team, as they told you',
} as const;
