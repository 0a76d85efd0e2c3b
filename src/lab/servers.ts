/** What the lab's VPN servers can be told to be; provision/lab/rootfs/usr/lib/lab has a script for each. */

/**
 * What kind of OpenVPN server there is: the certificate it shows (the `right` one, one by an `other` authority, an `expired`
 * one, one that is too `early`), whether it speaks `tcp`, asks for a `login`, `lies` about routes, gives the loopback as
 * `resolver`, or `six`: IPv6 too, with `six-lies` an address of it that is nobody's.
 */
export type LabOpenVpn =
  | 'right'
  | 'other'
  | 'expired'
  | 'early'
  | 'tcp'
  | 'login'
  | 'lies'
  | 'resolver'
  | 'six'
  | 'six-lies';

/**
 * What kind of IKEv2 server there is: how it lets clients in (`psk`, `cert`, `eap` for EAP-MSCHAPv2, `eaptls`), which
 * certificate it shows, as with OpenVPN; or it is `picky` about algorithms, `narrow` about the networks that it carries,
 * gives the loopback as `resolver`, or `six` and `six-lies`, as with OpenVPN.
 */
export type LabIpsec =
  | 'psk'
  | 'cert'
  | 'eap'
  | 'eaptls'
  | 'right'
  | 'other'
  | 'expired'
  | 'early'
  | 'picky'
  | 'narrow'
  | 'resolver'
  | 'six'
  | 'six-lies';

/**
 * What kind of ocserv there is: the certificate it shows, as with OpenVPN; whether it asks for a `login` instead of a
 * certificate, or a one-time `code` besides; whether it is `slow` (TLS alone), `lies` about routes, gives the loopback as
 * `resolver`, or `six` and `six-lies`, as with OpenVPN.
 */
export type LabOpenConnect =
  | 'right'
  | 'other'
  | 'expired'
  | 'early'
  | 'login'
  | 'code'
  | 'slow'
  | 'lies'
  | 'resolver'
  | 'six'
  | 'six-lies';
