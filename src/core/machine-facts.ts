/** What a hypervisor says a work VM consists of; judged by core/definition.ts before the link goes up. */
export interface NetworkCard {
  readonly id: string;
  readonly model: string;
  readonly mac: string;
  /** The backend it is plugged into, as the hypervisor names it. */
  readonly backend: string;
  readonly backendType: string;
}

export interface BlockNode {
  readonly name: string;
  readonly driver: string;
  readonly file: string;
  readonly backing: string | undefined;
}

export interface MachineFacts {
  readonly name: string;
  readonly status: string;
  readonly cards: readonly NetworkCard[];
  /** Every backend, plugged or not: an unplugged user backend is a way out waiting for a card. */
  readonly backends: readonly { readonly id: string; readonly type: string; readonly detail: string }[];
  readonly blocks: readonly BlockNode[];
  /** Types of all devices with an id or anonymous that are not part of the machine type, e.g. `virtio-rng-pci`. */
  readonly devices: readonly { readonly id: string; readonly type: string }[];
  /**
   * Where its screen can be seen, and its keyboard and pointer used: QEMU's own window by the name of its toolkit (`gtk`,
   * `cocoa`), servers (`vnc`, `spice`) by what they listen on and how they tell who is there (`unix /PATH none`).
   */
  readonly displays: readonly { readonly kind: string; readonly detail: string }[];
  /** Character devices: label and where they lead. */
  readonly chardevs: readonly { readonly label: string; readonly target: string }[];
}
