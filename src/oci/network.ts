/** A registry that is only spoken to when it has to be: without need, not even its name is looked up. */
import { VmgateError } from '../core/coded.ts';
import { type ClientOptions, RegistryClient } from './client.ts';
import { errors } from './codes.ts';
import { formatReference, type Reference } from './reference.ts';

export interface NetworkOptions extends ClientOptions {
  /** What is not here already is an error: nothing is sent, no name is looked up. */
  readonly isOffline?: boolean;
}

export class Network {
  readonly #reference: Reference;
  readonly #options: NetworkOptions;
  #client: RegistryClient | undefined;

  constructor(reference: Reference, options: NetworkOptions) {
    this.#reference = reference;
    this.#options = options;
  }

  get isUsed(): boolean {
    return this.#client !== undefined;
  }

  /** @throws REGISTRY_NOT_HERE */
  client(): RegistryClient {
    if (this.#options.isOffline === true) {
      throw VmgateError.of(errors.REGISTRY_NOT_HERE, { reference: formatReference(this.#reference) });
    }
    this.#client ??= new RegistryClient(this.#reference, this.#options);
    return this.#client;
  }

  close(): void {
    this.#client?.close();
  }
}
