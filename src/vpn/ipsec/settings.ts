/** What is kept of a judged profile. config.ts makes charon's configuration of this and of nothing else. */

export type IkeCredentials =
  | { readonly auth: 'psk'; readonly id: string | undefined /** Secret. */; readonly psk: string }
  | {
      readonly auth: 'certificate' | 'eap-tls';
      readonly id: string | undefined;
      /** PEM, the client's own first. */
      readonly certificates: readonly string[];
      /** PKCS #8 PEM: secret. */
      readonly key: string;
    }
  | {
      readonly auth: 'eap-mschapv2';
      readonly id: string | undefined;
      readonly user: string;
      /** Secret. */
      readonly password: string;
    };

export interface IkeSettings {
  readonly serverId: string;
  readonly credentials: IkeCredentials;
  /** PEM; of those whose certificates prove the server. Empty with a pre-shared key. */
  readonly authorities: readonly string[];
  /** PEM: the server's own certificate, where the profile has that instead. */
  readonly pinned: readonly string[];
  /** Prefixes that the client asks the server to carry; with any of IPv6 it asks for an address of that too. */
  readonly networks: readonly string[];
  readonly ike: readonly string[];
  readonly esp: readonly string[];
}
