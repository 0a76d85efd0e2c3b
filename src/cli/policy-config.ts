/** The file a gate's rules are read from: what `up` would bring into force. */
import type { LoadedConfig } from '../config/index.ts';
import { VmgateError } from '../core/coded.ts';
import type { Gate } from './gate-access.ts';

/** @throws GATE_ORIGIN_GONE where `--gate` names a gate whose file is gone, CONFIG_* where it broke */
export async function requireConfig({ name, loaded, fault }: Gate): Promise<LoadedConfig> {
  if (loaded !== undefined) return loaded;
  if (fault !== undefined) throw fault;
  const { errors } = await import('../supervisor/index.ts');
  throw VmgateError.of(errors.GATE_ORIGIN_GONE, { gate: name });
}
