/** A registry that is only spoken to when it has to be: without need, not even its name is looked up. */
import { VmgateError } from '../core/coded.ts';
import { type ClientOptions, RegistryClient } from './client.ts';
import { type Artifact, errors } from './codes.ts';
import { formatReference, type Reference } from './reference.ts';

export interface NetworkOptions extends ClientOptions, Artifact {
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
      const { sort } = this.#options;
      const reference = formatReference(this.#reference);
      throw VmgateError.of(errors.REGISTRY_NOT_HERE, { reference, ...(sort === undefined ? {} : { sort }) });
    }
    this.#client ??= new RegistryClient(this.#reference, this.#options);
    return this.#client;
  }

  close(): void {
    this.#client?.close();
  }
}
