/** What the documentation tells of the gate's life: the diagram, from the walk of every state; promises and defects. */
import { MUTANTS } from '../core/gate-mutants.ts';
import { PROMISES, type Promised } from '../core/gate-promises.ts';
import type { Transition } from '../core/gate-walk.ts';

/** Of every transition between phases that can be reached. */
export function stateDiagram(transitions: readonly Transition[]): string {
  const lines = transitions.map(({ from, to, on }) => `    ${from} --> ${to}: ${on.join(', ')}`);
  return ['```mermaid', 'stateDiagram-v2', '    [*] --> down', ...lines, '```', ''].join('\n');
}

/** Each promise, and the injected defects that break it. */
export function gatePromises(): string {
  const names = Object.keys(PROMISES) as Promised[];
  const rows = names.map((name) => {
    const defects = MUTANTS.filter(({ breaks: [promise] }) => promise === name);
    const told = defects.map(({ defect, onlyWalked }) => (onlyWalked === undefined ? defect : `${defect} (walk only)`));
    return `| ${PROMISES[name]} | ${told.join('; ')} |`;
  });
  return ['| promise | noticed: a gate that |', '|---|---|', ...rows, ''].join('\n');
}
