/** A registry that is only spoken to when it has to be: without need, not even its name is looked up. */
import { type ClientOptions, RegistryClient } from './client.ts';
import type { Reference } from './reference.ts';

export class Network {
  readonly #reference: Reference;
  readonly #options: ClientOptions;
  #client: RegistryClient | undefined;

  constructor(reference: Reference, options: ClientOptions) {
    this.#reference = reference;
    this.#options = options;
  }

  get isUsed(): boolean {
    return this.#client !== undefined;
  }

  client(): RegistryClient {
    this.#client ??= new RegistryClient(this.#reference, this.#options);
    return this.#client;
  }

  close(): void {
    this.#client?.close();
  }
}
