import type { VmgateError } from '../../../src/core/coded.ts';
import { expectGolden } from '../golden.ts';

/** What is said of each broken profile, in the golden file. */
export function expectRefusals(golden: string, names: readonly string[], refusal: (name: string) => VmgateError): void {
  const rendered = names.map((name) => {
    const { code, exit, what, remedy } = refusal(name);
    return `== ${name}\n${code} (exit ${exit})\n${what}\n-> ${remedy}\n`;
  });
  expectGolden(golden, rendered.join('\n'));
}
